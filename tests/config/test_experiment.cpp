// Experiments: defaults, which keys apply, overrides, what is stored. The text of single settings: test_rules.cpp.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <utility>

#include "core/config/experiment.hpp"
#include "tests/config/config_fixture.hpp"

namespace stepbench::testing {
namespace {

std::map<std::string, Value> values_of(const Experiment& experiment) {
  const KeyValues values = setting_values(experiment.trials.at(0), kTestKeys);
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("a minimal config becomes one trial with the defaults") {
  const Experiment experiment = load_with("");
  REQUIRE(experiment.trials.size() == 1);
  const TrialSettings& trial = experiment.trials[0];
  CHECK(trial.id == "blas-t1-s1");
  CHECK(trial.group == "s1");
  CHECK(trial.model.layers == std::vector<std::int64_t>{2, 16, 3});
  CHECK(trial.training.batch_size == 32);
  CHECK(trial.training.epochs == 3);
  CHECK(experiment.swept.empty());
}

TEST_CASE("the experiment's name is the file's unless it is set") {
  CHECK(load_with("").settings.name == "quick");
  CHECK(load_with("[experiment]\nname = other-1.2\n").settings.name == "other-1.2");
  CHECK(load_with("[experiment]\nname = other\n").trials.at(0).experiment.name == "other");
}

TEST_CASE("a name that is no safe file name is refused, set or derived") {
  const std::string allowed = "1 to 100 letters, digits, \".\", \"_\", \"-\" that do not start with \".\" or \"-\"";
  for (const std::string name : {"../x", ".hidden", "-x", "a b", "a/b"}) {
    CHECK(error_with("[experiment]\nname = " + name + "\n") ==
          "quick.cfg:12: experiment.name: found \"" + name + "\", allowed: " + allowed);
  }
  const ConfigFolder folder;
  write_text_file("my file.cfg", kValid);
  CHECK_THROWS_WITH(load_experiment("my file.cfg", {}, kTestKeys),
                    "my file.cfg: experiment.name: found \"my file\" (the file's name), allowed: " + allowed);
}

TEST_CASE("an unknown key or section is named with the nearest known one") {
  CHECK(error_with("learnin_rate = 1\n") ==
        "quick.cfg:11: unknown key \"training.learnin_rate\"; did you mean \"training.learning_rate\"?");
  CHECK(error_with("rounds = 1\n") ==
        "quick.cfg:11: unknown key \"training.rounds\"; did you mean \"measure.rounds\"?");
  CHECK(error_with("colour = 1\n") == "quick.cfg:11: unknown key \"training.colour\"; see `stepbench list keys`");
  CHECK(error_with("[trainning]\n") ==
        "quick.cfg:11: unknown section \"trainning\", allowed: experiment, dataset, model, training, "
        "measure, record, ranks, scaling, backend.tbb, backend.threads, sweep, expect; did you mean \"training\"?");
  CHECK(error_with("[sweep]\nbackends = tbb\n") ==
        "quick.cfg:12: unknown key \"sweep.backends\"; did you mean \"sweep.backend\"?");
  CHECK(error_with("[sweep]\ntraining.batchsize = 1,2\n") ==
        "quick.cfg:12: unknown key \"training.batchsize\"; did you mean \"training.batch_size\"?");
  CHECK(error_with("[sweep]\nbatch_size = 1,2\n") ==
        "quick.cfg:12: unknown key \"sweep.batch_size\"; did you mean \"training.batch_size\"?");
  CHECK(error_with("[sweep]\nsweep.threads = 1,2\n") ==
        "quick.cfg:12: unknown key \"sweep.sweep.threads\"; did you mean \"sweep.threads\"?");
}

TEST_CASE("key names are not guessed from a prefix") {
  CHECK(error_with("batch = 1\n").starts_with("quick.cfg:11: unknown key \"training.batch\""));
}

TEST_CASE("what has no default must be set") {
  const auto without = [](const std::string& start) { return error_of_text(valid_without(start)); };
  CHECK(without("learning_rate") == "quick.cfg: training.learning_rate: missing, allowed: a number above 0");
  CHECK(without("layers").starts_with("quick.cfg: model.layers: missing, allowed: 2 to 1000 comma-separated"));
  CHECK(without("kind = mlp") == "quick.cfg: model.kind: missing, allowed: mlp, transformer");
  CHECK(without("kind = spirals").starts_with("quick.cfg: dataset.kind: missing, allowed: "));
  CHECK(without("backend") == "quick.cfg: sweep.backend: missing, allowed: a backend of `stepbench list backends`");
  CHECK(without("epochs") ==
        "quick.cfg: training.epochs: missing, allowed: exactly one of training.epochs and training.steps");
  CHECK(error_with("steps = 5\n") ==
        "quick.cfg:11: training.steps: set beside training.epochs, allowed: exactly one of training.epochs and "
        "training.steps");
}

TEST_CASE("a kind of data set decides which keys of its section are used") {
  const std::string mnist = valid_without("kind = spirals") + "[dataset]\nkind = mnist\n";
  CHECK(error_of_text(mnist) == "quick.cfg: dataset.path: missing, allowed: a file or folder");
  CHECK(error_of_text(mnist + "path = x\n") == "no error");
  CHECK(error_of_text(mnist + "path = x\nclasses = 3\n") ==
        "quick.cfg:13: dataset.classes: no trial uses it (it applies with dataset.kind = spirals or blobs)");
  CHECK(error_with("[dataset]\npath = x\n") ==
        "quick.cfg:12: dataset.path: no trial uses it (it applies with dataset.kind = mnist or hdf5 or text or names)");
}

TEST_CASE("an unknown kind of data set is refused with the known ones") {
  CHECK(error_of_text(valid_without("kind = spirals") + "[dataset]\nkind = minst\n") ==
        "quick.cfg:11: dataset.kind: found \"minst\", allowed: mnist, hdf5, spirals, blobs, text, names, "
        "modular_addition, copy; did you mean \"mnist\"?");
}

TEST_CASE("a key that nothing uses is refused with what would use it") {
  CHECK(error_with("momentum = 0.5\n") ==
        "quick.cfg:11: training.momentum: no trial uses it (it applies with training.optimizer = momentum)");
  for (const std::string key : {"beta1", "beta2", "epsilon"}) {
    CHECK(error_with("optimizer = momentum\n" + key + " = 0.5\n") ==
          "quick.cfg:12: training." + key + ": no trial uses it (it applies with training.optimizer = adam or adamw)");
  }
  for (const std::string key : {"warmup_steps", "final_learning_rate"}) {
    CHECK(error_with(key + " = 1\n") ==
          "quick.cfg:11: training." + key + ": no trial uses it (it applies with training.schedule = cosine)");
  }
  CHECK(error_with("[measure]\ngate = false\ngate_samples = 8\n") ==
        "quick.cfg:13: measure.gate_samples: no trial uses it (it applies with measure.gate = true)");
}

TEST_CASE("rounds are a number, or planned for a difference and a power, of blocks that alternate") {
  const std::string start = "[measure]\nrounds = ";
  CHECK(error_with(start + "0\n") ==
        "quick.cfg:12: measure.rounds: found \"0\", allowed: an integer from 1 to 10000, or auto");
  CHECK(error_with(start + "auto\n") == "no error");
  CHECK(error_with(start + "auto\ndetect = 1.5%\npower = 0.8\n") == "no error");
  for (const char* wrong : {"0%", "2", "100%", "-1%"}) {
    CHECK(error_with(start + "auto\ndetect = " + wrong + "\n") ==
          std::string("quick.cfg:13: measure.detect: found \"") + wrong +
              "\", allowed: a percentage above 0% and below 100%, such as 2%");
  }
  CHECK(error_with(start + "auto\npower = 1\n") ==
        "quick.cfg:13: measure.power: found \"1\", allowed: a number from 0.5 to 0.99");
  CHECK(error_with("[measure]\ndetect = 2%\n") ==
        "quick.cfg:12: measure.detect: no trial uses it (it applies with measure.rounds = auto)");
  CHECK(error_with(start + "auto\ninterleave = false\n") ==
        "quick.cfg:12: measure.rounds: found \"auto\" with measure.interleave = false, allowed: a number, as blocks "
        "that do not alternate find nothing (trial blas-t1-s1)");
}

TEST_CASE("layerwise updates need plain sgd without clipping") {
  CHECK(error_with("update_order = layerwise\noptimizer = adam\n") ==
        "quick.cfg:11: training.update_order: found \"layerwise\" with training.optimizer = adam, allowed: sgd (trial "
        "blas-t1-s1)");
  CHECK(error_with("update_order = layerwise\ngradient_clip = 1\n") ==
        "quick.cfg:11: training.update_order: found \"layerwise\" with training.gradient_clip, allowed: no clipping, "
        "which needs all gradients first (trial blas-t1-s1)");
  CHECK(error_with("update_order = layerwise\nmicro_batch = 4\n") ==
        "quick.cfg:11: training.update_order: found \"layerwise\" with training.micro_batch, allowed: simultaneous, as "
        "all micro-batches see the same parameters (trial blas-t1-s1)");
  CHECK(error_with("update_order = layerwise\nweight_decay = 0.1\n") == "no error");
}

TEST_CASE("the noise of gradients needs several micro-batches, and the batch's own divisor") {
  const auto error = [](const std::string& training) {
    return error_with(training + "[record]\ngradient_noise = true\n");
  };
  CHECK(error("micro_batch = 4\n") == "no error");
  CHECK_THAT(error(""), Catch::Matchers::Contains("training.micro_batch"));
  CHECK(error("micro_batch = 4\ndivisor = naive\n") ==
        "quick.cfg:14: record.gradient_noise: found \"true\" with training.divisor = naive, allowed: with counted, as "
        "the "
        "moments are of the batch's own gradient (trial blas-t1-s1)");
  CHECK(error("micro_batch = 32\n") ==
        "quick.cfg:13: record.gradient_noise: found \"true\" with training.micro_batch = 32 of batches of 32, allowed: "
        "with less, as micro-batches are compared (trial blas-t1-s1)");
}

TEST_CASE("cross entropy needs a linear output") {
  CHECK(error_with("[model]\noutput = relu\n") ==
        "quick.cfg:12: model.output: found \"relu\" with model.loss = cross_entropy, allowed: linear (trial "
        "blas-t1-s1)");
  CHECK(error_with("[model]\noutput = relu\nloss = squared_error\n") == "no error");
}

TEST_CASE("warm-up must end before training does, where that is known") {
  const std::string steps = valid_without("epochs") + "steps = 100\nschedule = cosine\nwarmup_steps = ";
  CHECK(error_of_text(steps + "100\n") ==
        "quick.cfg:12: training.warmup_steps: found \"100\", allowed: less than training.steps = 100 (trial "
        "blas-t1-s1)");
  CHECK(error_of_text(steps + "99\n") == "no error");
  CHECK(error_with("schedule = cosine\nwarmup_steps = 100\n") == "no error");
}

TEST_CASE("the baseline must be a cell of the sweep") {
  const std::string start = "[sweep]\nthreads = 1,2\n[measure]\nbaseline = ";
  CHECK(error_with(start + "blas\n") == "no error");
  CHECK(error_with(start + "blas-t2\n") == "no error");
  CHECK(error_with(start + "blas-t3\n") ==
        "quick.cfg:14: measure.baseline: found \"blas-t3\", allowed: blas, blas-t1, blas-t2; did you mean "
        "\"blas-t1\"?");
  CHECK(error_with(start + "bals\n") ==
        "quick.cfg:14: measure.baseline: found \"bals\", allowed: blas, blas-t1, "
        "blas-t2; did you mean \"blas\"?");
  CHECK(error_with(start + "Blas\n") ==
        "quick.cfg:14: measure.baseline: found \"Blas\", allowed: a backend of the sweep, or a backend and its threads "
        "such as blas-t2");
}

TEST_CASE("an override replaces the file's value, and the last one counts") {
  const Experiment experiment = load_with("batch_size = 8\n", {"training.batch_size=16", " training.batch_size = 64 "});
  CHECK(experiment.trials.at(0).training.batch_size == 64);
  CHECK(load_with("", {"experiment.description=\"a # b\""}).settings.description == "a # b");
}

TEST_CASE("malformed overrides are named") {
  CHECK(error_with("", {"training.batch_size"}) ==
        "--set training.batch_size: has no \"=\", allowed: section.key=value");
  CHECK(error_with("", {"=5"}) == "--set =5: nothing before \"=\", allowed: section.key=value");
  CHECK(error_with("", {"training.batch_size="}) ==
        "--set training.batch_size=: nothing after \"=\", allowed: section.key=value");
  CHECK(error_with("", {"batch_size=5"}) ==
        "--set batch_size=5: unknown key \"batch_size\"; did you mean \"training.batch_size\"?");
  CHECK(error_with("", {"training.batch_size=-3"}) ==
        "--set training.batch_size: found \"-3\", allowed: an integer from 1 to 1000000");
  CHECK(error_with("", {"training.batch_size=5\nx"}) ==
        "--set training.batch_size=5?x: control characters or bytes that are not UTF-8, allowed: one line of text");
}

TEST_CASE("the stored text is the file's with the overrides as comments") {
  CHECK(load_with("", {"training.epochs=2"}).text == std::string(kValid) + "# --set training.epochs=2\n");
  const std::string no_line_end(kValid.substr(0, kValid.size() - 1));
  CHECK(load_text(no_line_end).text == kValid);
}

TEST_CASE("where() tells the line of a key, its override or its absence") {
  const Experiment experiment = load_with("batch_size = 8\n", {"training.epochs=2"});
  CHECK(experiment.where("training.batch_size") == "quick.cfg:11: training.batch_size: ");
  CHECK(experiment.where("training.epochs") == "--set training.epochs: ");
  CHECK(experiment.where("training.precision") == "quick.cfg: training.precision: ");
  CHECK(experiment.where("backend") == "quick.cfg:7: sweep.backend: ");
  CHECK(experiment.where("seed") == "quick.cfg: sweep.seed: ");
}

TEST_CASE("a file that cannot be a config is refused") {
  const ConfigFolder folder;
  CHECK_THROWS_WITH(load_experiment("none.cfg", {}, kTestKeys), "none.cfg: cannot be read: No such file or directory");
  std::filesystem::create_directory("folder.cfg");
  CHECK_THROWS_WITH(load_experiment("folder.cfg", {}, kTestKeys), "folder.cfg: is a folder, not a config");
  write_text_file("large.cfg", std::string((1 << 20) + 1, '#'));
  CHECK_THROWS_WITH(load_experiment("large.cfg", {}, kTestKeys), "large.cfg: larger than 1 MiB, which no config is");
  write_text_file("empty.cfg", "");
  CHECK_THROWS_WITH(load_experiment("empty.cfg", {}, kTestKeys), Catch::StartsWith("empty.cfg: dataset.kind: missing"));
}

TEST_CASE("stored values are typed, and are those that apply") {
  const auto values = values_of(load_with("gradient_clip = 2\n[dataset]\nseed = 7\n"));
  CHECK(values.at("model.kind") == Value(std::string("mlp")));
  CHECK(values.at("model.layers") == Value(std::vector<std::int64_t>{2, 16, 3}));
  CHECK(values.at("training.gradient_clip") == Value(2.0));
  CHECK(values.at("training.weight_decay") == Value(0.0));
  CHECK(values.at("training.epochs") == Value(std::int64_t{3}));
  CHECK(values.at("dataset.seed") == Value(std::int64_t{7}));
  CHECK(values.at("dataset.shuffle") == Value(true));
  CHECK(values.at("measure.evaluate_every") == Value(std::string("1 epoch")));
  for (const std::string absent : {"training.steps", "training.momentum", "training.target", "dataset.path",
                                   "dataset.features", "dataset.classes", "experiment.description", "sweep.backend"}) {
    INFO(absent);
    CHECK_FALSE(values.contains(absent));
  }
}

TEST_CASE("a softmax of float32 is none of a training in float64") {
  CHECK(error_with("precision = float64\n[model]\nsoftmax = float32\n") ==
        "quick.cfg:13: model.softmax: found \"float32\" with training.precision = float64, allowed: float64 (trial "
        "blas-t1-s1)");
}

TEST_CASE("every key that is set is stored, in the order of the table") {
  const Experiment experiment = load_text(
      "[experiment]\nname = n\ndescription = d\n[dataset]\nkind = blobs\nshuffle = false\ntrain_samples = 5\n"
      "validation_samples = 6\nvalidation_fraction = 0.2\nseed = 3\nfeatures = 4\nclasses = 7\nsamples = 100\n"
      "[model]\nkind = mlp\nlayers = 4,7\noutput = linear\nloss = cross_entropy\nsoftmax = float64\ninit = xavier\n"
      "perturb = one_bit\nperturb_seed = 5\n[training]\n"
      "steps = 9\nbatch_size = 2\nmicro_batch = 1\ndivisor = naive\noptimizer = adam\nlearning_rate = 0.1\n"
      "noise_scale = 64\nbeta1 = 0.5\nbeta2 = 0.6\nepsilon = 0.7\n"
      "weight_decay = 0.8\nschedule = cosine\nwarmup_steps = 1\nfinal_learning_rate = 0.01\ngradient_clip = 2\n"
      "update_order = simultaneous\nprecision = float64\ntarget = train_loss<=0.1\n[measure]\nrounds = 8\n"
      "warmup_steps = 0\ninterleave = false\nbaseline = blas\npin = spread\ngate = true\ngate_samples = 3\n"
      "evaluate_every = 2 epochs\n[record]\nparameters = all\norder = true\nsteps = false\ngradient_noise = "
      "false\nkeep_trial_files = true\n"
      "checkpoint_every = 90 s\n[sweep]\nbackend = blas\n");
  std::string stored, section;
  for (const auto& [key, value] : setting_values(experiment.trials.at(0), kTestKeys)) {
    const std::string before = std::exchange(section, key.substr(0, key.find('.')));
    if (section != before) stored += "[" + section + "]\n";
    stored.append(key.substr(section.size() + 1)).append(" = ").append(to_text(value)).append("\n");
  }
  CHECK(stored + "[sweep]\nbackend = blas\n" == experiment.text);
}

TEST_CASE("what is stored reads back as the same settings") {
  const Experiment experiment =
      load_with("target = validation_accuracy >= 0.50\n[measure]\nevaluate_every = 20 step\n");
  std::vector<std::string> overrides;
  for (const auto& [key, value] : setting_values(experiment.trials.at(0), kTestKeys)) {
    overrides.push_back(key + "=" + to_text(value));
  }
  const Experiment again = load_with("", overrides);
  CHECK(setting_values(again.trials.at(0), kTestKeys) == setting_values(experiment.trials.at(0), kTestKeys));
}

TEST_CASE("every key is described, and its default is allowed") {
  const std::vector<KeyDescription> keys = describe_keys(kTestKeys);
  CHECK(keys.size() > 40);
  for (const KeyDescription& key : keys) {
    INFO(key.key);
    CHECK_FALSE(key.allowed.empty());
    CHECK_FALSE(key.help.empty());
  }
  const auto batch_size = std::find_if(keys.begin(), keys.end(),
                                       [](const KeyDescription& key) { return key.key == "training.batch_size"; });
  REQUIRE(batch_size != keys.end());
  CHECK(batch_size->default_text == "32");
}

}  // namespace stepbench::testing
