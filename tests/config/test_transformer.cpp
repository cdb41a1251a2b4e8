// The settings of transformers, and what they have to obey together.
#include <catch2/catch.hpp>

#include "core/config/keys.hpp"
#include "tests/config/config_fixture.hpp"

namespace stepbench::testing {
namespace {

constexpr std::string_view kTransformer =
    "[dataset]\n"            // 1
    "kind = copy\n"          // 2
    "alphabet = 5\n"         // 3
    "length = 4\n"           // 4
    "[training]\n"           // 5
    "learning_rate = 0.1\n"  // 6
    "epochs = 3\n"           // 7
    "[sweep]\n"              // 8
    "backend = blas\n"       // 9
    "[model]\n"              // 10
    "kind = transformer\n"   // 11
    "d_model = 12\n"         // 12
    "heads = 3\n"            // 13
    "blocks = 2\n"           // 14
    "context = 8\n";         // 15: further lines of [model] start at 16

Experiment load_transformer(std::string_view lines, const std::vector<std::string>& overrides = {}) {
  return load_text(std::string(kTransformer).append(lines), overrides);
}
std::string error_of(std::string_view lines, const std::vector<std::string>& overrides = {}) {
  return error_of_text(std::string(kTransformer).append(lines), overrides);
}
std::string without(const std::string& line) {
  std::string text(kTransformer);
  return text.erase(text.find(line), line.size());
}

}  // namespace

TEST_CASE("a transformer's settings are read, with GPT-2's choices as defaults") {
  const ModelSettings model = load_transformer("").trials.at(0).model;
  CHECK(model.kind == ModelKind::transformer);
  CHECK(model.d_model == 12);
  CHECK(model.heads == 3);
  CHECK(model.blocks == 2);
  CHECK(model.context == 8);
  CHECK(model.position == PositionEncoding::learned);
  CHECK(model.activation == MlpActivation::gelu);
  CHECK_FALSE(model.tied_embeddings);
  const ModelSettings other =
      load_transformer("position = sinusoidal\nactivation = relu\ntied_embeddings = true\n").trials.at(0).model;
  CHECK(other.position == PositionEncoding::sinusoidal);
  CHECK(other.activation == MlpActivation::relu);
  CHECK(other.tied_embeddings);
}

TEST_CASE("a transformer's sizes have no default") {
  for (const std::string line : {"d_model = 12\n", "heads = 3\n", "blocks = 2\n", "context = 8\n"}) {
    const std::string key = "model." + line.substr(0, line.find(' '));
    CHECK_THAT(error_of_text(without(line)), Catch::StartsWith("quick.cfg: " + key + ": missing, allowed: an integer"));
  }
}

TEST_CASE("the size of a vocabulary is no setting") {
  CHECK_THAT(error_of("vocabulary_size = 5\n"), Catch::Contains("unknown key \"model.vocabulary_size\""));
}

TEST_CASE("a key of the other kind of model is used by no trial") {
  CHECK(error_of("layers = 2,3\n") ==
        "quick.cfg:16: model.layers: no trial uses it (it applies with model.kind = mlp)");
  CHECK(error_of("output = linear\n") ==
        "quick.cfg:16: model.output: no trial uses it (it applies with model.kind = mlp)");
  for (const std::string line : {"d_model = 8", "heads = 2", "blocks = 1", "context = 8", "position = learned",
                                 "activation = gelu", "tied_embeddings = true"}) {
    const std::string key = "model." + line.substr(0, line.find(' '));
    CHECK(error_with("[model]\n" + line + "\n") ==
          "quick.cfg:12: " + key + ": no trial uses it (it applies with model.kind = transformer)");
  }
}

TEST_CASE("names of a transformer's choices are exact") {
  CHECK(error_of("position = rotary\n") ==
        "quick.cfg:16: model.position: found \"rotary\", allowed: learned, sinusoidal");
  CHECK(error_of("activation = silu\n") == "quick.cfg:16: model.activation: found \"silu\", allowed: gelu, relu");
}

TEST_CASE("the width is a multiple of the heads") {
  CHECK(error_of("", {"model.heads=5"}) ==
        "--set model.heads: found \"5\" with model.d_model = 12, allowed: a divisor of model.d_model (trial "
        "blas-t1-s1)");
  CHECK(error_of("", {"model.heads=12"}) == "no error");
}

TEST_CASE("sinusoidal positions need an even width") {
  CHECK(error_of("position = sinusoidal\n", {"model.d_model=9"}) ==
        "quick.cfg:16: model.position: found \"sinusoidal\" with model.d_model = 9, allowed: learned, or an even "
        "model.d_model (trial blas-t1-s1)");
  CHECK(error_of("", {"model.d_model=9"}) == "no error");
}

TEST_CASE("a transformer's loss is a cross entropy") {
  CHECK(error_of("loss = squared_error\n") ==
        "quick.cfg:16: model.loss: found \"squared_error\" with model.kind = transformer, allowed: cross_entropy, "
        "stablemax_cross_entropy (trial blas-t1-s1)");
}

TEST_CASE("layerwise updates are an MLP's") {
  CHECK(error_of("[training]\nupdate_order = layerwise\n") ==
        "quick.cfg:17: training.update_order: found \"layerwise\" with model.kind = transformer, allowed: simultaneous "
        "(trial blas-t1-s1)");
}

TEST_CASE("a transformer's parameters are bounded in all") {
  // Blocks of 12 D^2 + 13 D, 2 D of the last norm, T D of the positions.
  CHECK(error_of("", {"model.d_model=30000", "model.blocks=1"}) ==
        "--set model.d_model: found \"30000\", which with model.blocks = 1 and model.context = 8 makes 10800690000 "
        "parameters, allowed: at most 10000000000 (trial blas-t1-s1)");
  CHECK(error_of("", {"model.d_model=27000", "model.blocks=1"}) == "no error");
}

TEST_CASE("a stored trial can be the start, and is stored as it was written") {
  for (const std::string text : {"file:results/a#b.h5#tbb-t2-s1", "gpt2"}) {
    const Experiment experiment = load_transformer("init = " + text + "\n");
    bool stored = false;
    for (const auto& [key, value] : setting_values(experiment.trials.at(0), kTestKeys)) {
      if (key == "model.init") stored = value == Value(text);
    }
    CHECK(stored);
  }
  const ModelSettings model = load_transformer("init = file:results/a#b.h5#tbb-t2-s1\n").trials.at(0).model;
  CHECK(model.init == Initialisation::file);
  CHECK(model.init_file == "results/a#b.h5");
  CHECK(model.init_trial == "tbb-t2-s1");
}

TEST_CASE("a start that names no file, no trial or no scheme is refused") {
  for (const std::string text : {"file:", "file:#", "file:a.h5", "file:a.h5#", "file:#tbb", "file", "normal"}) {
    CHECK_THAT(error_of("init = " + text + "\n"),
               Catch::StartsWith("quick.cfg:16: model.init: found \"" + text +
                                 "\", allowed: original, he, xavier, gpt2, file:RESULTS.h5#TRIAL"));
  }
}

TEST_CASE("a start that is no file forgets the file set before") {
  TrialSettings trial;
  REQUIRE(kTestKeys.find("model.init")->set(trial, "file:a.h5#b"));
  REQUIRE(kTestKeys.find("model.init")->set(trial, "he"));
  CHECK(trial.model.init == Initialisation::he);
  CHECK(trial.model.init_file.empty());
  CHECK(trial.model.init_trial.empty());
}

TEST_CASE("data of tokens has keys of its own") {
  CHECK_THAT(error_of_text(without("alphabet = 5\n")),
             Catch::StartsWith("quick.cfg: dataset.alphabet: missing, allowed: an integer from 2"));
  CHECK_THAT(error_of_text(without("length = 4\n")),
             Catch::StartsWith("quick.cfg: dataset.length: missing, allowed: an integer from 1"));
  CHECK_THAT(error_of("[dataset]\nmodulus = 5\n"),
             Catch::EndsWith("dataset.modulus: no trial uses it (it applies with dataset.kind = modular_addition)"));
  CHECK_THAT(error_of("[dataset]\nvocabulary = bytes\n"),
             Catch::EndsWith("dataset.vocabulary: no trial uses it (it applies with dataset.kind = text or names)"));
}

TEST_CASE("each value of a token data set's keys is checked") {
  const std::string addition =
      "[model]\nkind = transformer\nd_model = 4\nheads = 1\nblocks = 1\ncontext = 3\n"
      "[training]\nlearning_rate = 1\nsteps = 1\n[sweep]\nbackend = blas\n"
      "[dataset]\nkind = modular_addition\n";
  CHECK_THAT(error_of_text(addition), Catch::StartsWith("quick.cfg: dataset.modulus: missing"));
  CHECK(error_of_text(addition + "modulus = 1\n") ==
        "quick.cfg:14: dataset.modulus: found \"1\", allowed: an integer from 2 to 4096");
  CHECK(load_text(addition + "modulus = 2\n").trials.at(0).dataset.modulus == 2);
  CHECK_THAT(error_of_text(addition, {"dataset.kind=text", "dataset.path=x", "dataset.vocabulary=words"}),
             Catch::Contains("dataset.vocabulary: found \"words\", allowed: characters, bytes"));
}

}  // namespace stepbench::testing
