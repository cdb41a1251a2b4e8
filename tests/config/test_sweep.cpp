// Lists in [sweep]: order, names and groups of the trials, and what is refused.
#include <catch2/catch.hpp>

#include "core/arm.hpp"
#include "tests/config/config_fixture.hpp"

namespace stepbench::testing {
using Ids = std::vector<std::string>;

TEST_CASE("the first swept key varies slowest, then seed, backend and threads") {
  const Experiment experiment = load_text(valid_without("backend") +
                                          "[sweep]\nthreads = 1,2\nbackend = tbb,blas\ntraining.batch_size = 32,8\n"
                                          "seed = 1,2\nmodel.init = he,xavier\n");
  const Ids all = ids(experiment);
  REQUIRE(all.size() == 32);
  CHECK(Ids(all.begin(), all.begin() + 9) ==
        Ids{"tbb-t1-s1-batch_size32-inithe", "tbb-t2-s1-batch_size32-inithe", "blas-t1-s1-batch_size32-inithe",
            "blas-t2-s1-batch_size32-inithe", "tbb-t1-s2-batch_size32-inithe", "tbb-t2-s2-batch_size32-inithe",
            "blas-t1-s2-batch_size32-inithe", "blas-t2-s2-batch_size32-inithe", "tbb-t1-s1-batch_size32-initxavier"});
  CHECK(all.back() == "blas-t2-s2-batch_size8-initxavier");
  CHECK(experiment.swept == Ids{"training.batch_size", "model.init", "seed", "backend", "threads"});
}

TEST_CASE("a trial's settings are its cell's") {
  const Experiment experiment = load_with("[sweep]\ntraining.batch_size = 32, 8\nthreads = 4\nseed = 0\n");
  REQUIRE(experiment.trials.size() == 2);
  CHECK(experiment.trials[1].training.batch_size == 8);
  CHECK(experiment.trials[1].threads == 4);
  CHECK(experiment.trials[1].seed == 0);
  CHECK(experiment.trials[1].backend == "blas");
}

TEST_CASE("a group is what trials share besides backend and threads") {
  const Experiment experiment = load_text(valid_without("backend") +
                                          "[sweep]\nbackend = blas,tbb\nthreads = 1,2\nseed = 1,2\n"
                                          "training.batch_size = 32,8\n");
  REQUIRE(experiment.trials.size() == 16);
  for (std::size_t i = 0; i < 4; ++i) CHECK(experiment.trials[i].group == "s1-batch_size32");
  for (std::size_t i = 4; i < 8; ++i) CHECK(experiment.trials[i].group == "s2-batch_size32");
}

TEST_CASE("a backend's own settings are part of the arm, and no other backend repeats for them") {
  const Experiment experiment = load_text(valid_without("backend") +
                                          "[sweep]\nbackend.tbb.shard_rows = 16,32\nbackend = blas,tbb\nthreads = 1,2\n"
                                          "training.batch_size = 8,4\n");
  const Ids all = ids(experiment);
  REQUIRE(all.size() == 12);
  CHECK(Ids(all.begin(), all.begin() + 7) ==
        Ids{"blas-t1-s1-batch_size8", "blas-t2-s1-batch_size8", "tbb-t1-shard_rows16-s1-batch_size8",
            "tbb-t1-shard_rows32-s1-batch_size8", "tbb-t2-shard_rows16-s1-batch_size8",
            "tbb-t2-shard_rows32-s1-batch_size8", "blas-t1-s1-batch_size4"});
  for (std::size_t i = 0; i < 6; ++i) CHECK(experiment.trials[i].group == "s1-batch_size8");
  CHECK(count_of(own_settings(experiment.trials[3]), "shard_rows") == 32);
  CHECK(own_settings(experiment.trials[0]).empty());
  CHECK(experiment.swept == Ids{"training.batch_size", "backend", "threads", "backend.tbb.shard_rows"});
}

TEST_CASE("settings of the same name are told apart by their backend") {
  const Experiment experiment = load_text(valid_without("backend") +
                                          "[sweep]\nbackend = tbb,threads\nbackend.tbb.shard_rows = 16,32\n"
                                          "backend.threads.shard_rows = 8,4\n");
  CHECK(ids(experiment) == Ids{"tbb-t1-backend.tbb.shard_rows16-s1", "tbb-t1-backend.tbb.shard_rows32-s1",
                               "threads-t1-backend.threads.shard_rows8-s1",
                               "threads-t1-backend.threads.shard_rows4-s1"});
}

TEST_CASE("a backend's own setting outside the sweep is its trials' alone, and stored with them") {
  const Experiment experiment = load_text(
      valid_without("backend") + "[backend.tbb]\nshard_rows = 16\npinned = true\n[sweep]\nbackend = blas,tbb\n");
  CHECK(ids(experiment) == Ids{"blas-t1-s1", "tbb-t1-s1"});
  const KeyValues with = setting_values(experiment.trials[1], kTestKeys);
  CHECK(text_of(with, "backend.tbb.shard_rows") == "16");
  CHECK(text_of(with, "backend.tbb.pinned") == "true");
  CHECK(find_value(setting_values(experiment.trials[0], kTestKeys), "backend.tbb.shard_rows") == nullptr);
}

TEST_CASE("a backend's own setting that nothing uses, or that is none, is refused") {
  CHECK(error_with("[backend.tbb]\nshard_rows = 16\n") ==
        "quick.cfg:12: backend.tbb.shard_rows: no trial uses it (it applies with sweep.backend = tbb)");
  CHECK(error_with("[backend.tbb]\nshard_row = 16\n") ==
        "quick.cfg:12: unknown key \"backend.tbb.shard_row\"; did you mean \"backend.tbb.shard_rows\"?");
  CHECK(error_with("[backend.tbb]\nshard_rows = 0\n") ==
        "quick.cfg:12: backend.tbb.shard_rows: found \"0\", allowed: an integer from 1 to 1000");
  CHECK(error_with("[backend.blas]\nshard_rows = 1\n").starts_with("quick.cfg:11: unknown section \"backend.blas\""));
}

TEST_CASE("a baseline may be an arm with settings, or one of several") {
  const std::string sweep = valid_without("backend") + "[sweep]\nbackend = blas,tbb\nbackend.tbb.shard_rows = 16,32\n";
  for (const char* name : {"tbb", "tbb-t1", "tbb-t1-shard_rows32"}) {
    CHECK(load_text(sweep, {std::string("measure.baseline=") + name}).trials.size() == 3);
  }
  CHECK(error_of_text(sweep, {"measure.baseline=tbb-t1-shard_rows64"}) ==
        "--set measure.baseline: found \"tbb-t1-shard_rows64\", allowed: blas, blas-t1, tbb, tbb-t1-shard_rows16, "
        "tbb-t1-shard_rows32; did you mean \"tbb-t1-shard_rows16\"?");
}

TEST_CASE("where threads are held is part of the arm: its values share a group") {
  const Experiment experiment =
      load_text(valid_without("backend") + "[sweep]\nmeasure.pin = none,compact\nbackend = blas,tbb\nthreads = 2\n");
  CHECK(ids(experiment) ==
        Ids{"blas-t2-pinnone-s1", "blas-t2-pincompact-s1", "tbb-t2-pinnone-s1", "tbb-t2-pincompact-s1"});
  for (const TrialSettings& trial : experiment.trials) CHECK(trial.group == "s1");
  CHECK(arm_of(experiment.trials[1]).name() == "blas-t2-pincompact");
}

TEST_CASE("a list of one value varies nothing") {
  const Experiment experiment = load_with("[sweep]\ntraining.batch_size = 8\n");
  CHECK(ids(experiment) == Ids{"blas-t1-s1"});
  CHECK(experiment.trials.at(0).training.batch_size == 8);
  CHECK(experiment.swept.empty());
}

TEST_CASE("| separates values that have commas themselves") {
  const Experiment experiment = load_text(valid_without("layers") + "[sweep]\nmodel.layers = 2,8,3 | 2,16,16,3\n");
  CHECK(ids(experiment) == Ids{"blas-t1-s1-layers2_8_3", "blas-t1-s1-layers2_16_16_3"});
  CHECK(experiment.trials.at(1).model.layers == std::vector<std::int64_t>{2, 16, 16, 3});
  CHECK(load_text(valid_without("layers") + "[sweep]\nmodel.layers = 2,8,3\n").trials.size() == 1);
}

TEST_CASE("ids spell a value by its meaning, in characters that are safe everywhere") {
  CHECK(ids(load_text(valid_without("learning_rate") + "[sweep]\ntraining.learning_rate = 0.10,1e-5\n")) ==
        Ids{"blas-t1-s1-learning_rate0.1", "blas-t1-s1-learning_rate1e-05"});
  CHECK(ids(load_with("[sweep]\ntraining.target = train_loss<=0.1,train_loss<=0.2\n")) ==
        Ids{"blas-t1-s1-targettrain_loss__0.1", "blas-t1-s1-targettrain_loss__0.2"});
}

TEST_CASE("keys with the same last component appear in ids by their full name") {
  CHECK(ids(load_with("schedule = cosine\n[sweep]\ntraining.warmup_steps = 1,2\nmeasure.warmup_steps = 3,4\n")).at(0) ==
        "blas-t1-s1-training.warmup_steps1-measure.warmup_steps3");
}

TEST_CASE("two trials never share an id") {
  const std::string text =
      valid_without("kind = spirals") + "[dataset]\nkind = mnist\n[sweep]\ndataset.path = a/b,a:b\n";
  CHECK(error_of_text(text) ==
        "quick.cfg: sweep: two trials have the same id blas-t1-s1-patha_b; make the swept values differ in their "
        "letters and digits");
}

TEST_CASE("an id stays short enough for a file name") {
  const std::string text = valid_without("kind = spirals") + "[dataset]\nkind = mnist\n[sweep]\ndataset.path = a,";
  CHECK(error_of_text(text + std::string(185, 'b') + "\n") == "no error");
  CHECK(error_of_text(text + std::string(186, 'b') + "\n").ends_with("is too long, allowed: 200 characters"));
}

TEST_CASE("bad lists are refused") {
  const auto error = [](const std::string& line) { return error_with("[sweep]\n" + line + "\n"); };
  CHECK(error("training.batch_size = 8,,16") == "quick.cfg:12: training.batch_size: empty element in the list");
  CHECK(error("training.batch_size = 8,") == "quick.cfg:12: training.batch_size: empty element in the list");
  CHECK(error("training.batch_size = ,") == "quick.cfg:12: training.batch_size: empty element in the list");
  CHECK(error("training.batch_size =") == "quick.cfg:12: sweep.training.batch_size: empty value, allowed: key = value");
  CHECK(error("training.batch_size = 8,16,08") == "quick.cfg:12: training.batch_size: \"08\" stands twice in the list");
  CHECK(error("training.batch_size = 8,x") ==
        "quick.cfg:12: training.batch_size: found \"x\", allowed: an integer from 1 to 1000000");
  CHECK(error("threads = 0") == "quick.cfg:12: sweep.threads: found \"0\", allowed: an integer from 1 to 1024");
  CHECK(error("threads = 1,1025") == "quick.cfg:12: sweep.threads: found \"1025\", allowed: an integer from 1 to 1024");
  CHECK(error("seed = 1,-1") ==
        "quick.cfg:12: sweep.seed: found \"-1\", allowed: an integer from 0 to 9223372036854775807");
  CHECK(error("experiment.name = a,b") ==
        "quick.cfg:12: experiment.name: cannot be swept, allowed: one value in [experiment]");
}

TEST_CASE("a key stands in its own section or in [sweep], not in both") {
  CHECK(error_with("[sweep]\ntraining.epochs = 1,2\n") ==
        "quick.cfg:12: training.epochs: set in [training] and in [sweep], allowed: one of them (the other is on "
        "line 10)");
}

TEST_CASE("a cell that breaks a rule between keys is an error that names it") {
  CHECK(error_with("optimizer = sgd\n[sweep]\ntraining.update_order = simultaneous,layerwise\ntraining.gradient_clip = "
                   "1,2\n") ==
        "quick.cfg:13: training.update_order: found \"layerwise\" with training.gradient_clip, allowed: no clipping, "
        "which needs all gradients first (trial blas-t1-s1-update_orderlayerwise-gradient_clip1)");
}

TEST_CASE("a key is used when any cell uses it") {
  CHECK(error_with("momentum = 0.5\n[sweep]\ntraining.optimizer = sgd,momentum\n") == "no error");
  CHECK(error_with("[sweep]\ntraining.momentum = 0.5,0.9\n") ==
        "quick.cfg:12: training.momentum: no trial uses it (it applies with training.optimizer = momentum)");
}

TEST_CASE("how updates in bfloat16 are kept is for bfloat16, and masters need no rounding") {
  const std::string masters = "precision = bfloat16\nmaster_weights = true\n";
  for (const std::string key : {"rounding = nearest", "compensated = true"}) {
    const std::string name = "quick.cfg:", problem = "no trial uses it (it applies with training.precision = bfloat16";
    const std::string full = "training." + key.substr(0, key.find(' ')) + ": ";
    CHECK(error_with(key + "\n") == name + "11: " + full + problem + " and training.master_weights = false)");
    CHECK(error_with(masters + key + "\n") == name + "13: " + full + problem + " and training.master_weights = false)");
    CHECK(error_with("precision = bfloat16\n" + key + "\n") == "no error");
  }
  CHECK(error_with("master_weights = true\n") ==
        "quick.cfg:11: training.master_weights: no trial uses it (it applies with training.precision = bfloat16)");
}

TEST_CASE("a swept key has one cell where another swept value has no use for it, whichever stands first") {
  const std::string keys[] = {"training.precision = float32,bfloat16\n", "training.master_weights = false,true\n",
                              "training.rounding = nearest,stochastic\n"};
  const Experiment experiment = load_with("[sweep]\n" + keys[0] + keys[1] + keys[2]);
  CHECK(ids(experiment) == Ids{"blas-t1-s1-precisionfloat32",
                               "blas-t1-s1-precisionbfloat16-master_weightsfalse-roundingnearest",
                               "blas-t1-s1-precisionbfloat16-master_weightsfalse-roundingstochastic",
                               "blas-t1-s1-precisionbfloat16-master_weightstrue"});
  CHECK(load_with("[sweep]\n" + keys[2] + keys[1] + keys[0]).trials.size() == 4);
  CHECK(experiment.trials[3].training.rounding == Rounding::nearest);
}

TEST_CASE("an override ends a sweep, or begins one") {
  const std::string swept = "[sweep]\ntraining.batch_size = 8,16\n";
  CHECK(load_with(swept, {"training.batch_size=64"}).trials.size() == 1);
  CHECK(load_with(swept, {"training.batch_size=64"}).trials.at(0).training.batch_size == 64);
  CHECK(load_with("", {"sweep.training.epochs=1,2"}).trials.size() == 2);
  CHECK(ids(load_with("", {"sweep.backend=tbb,neuron"})) == Ids{"tbb-t1-s1", "neuron-t1-s1"});
}

TEST_CASE("an overridden sweep keeps its place in the order") {
  const Experiment experiment =
      load_with("[sweep]\ntraining.batch_size = 8,16\nmodel.init = he,xavier\n", {"sweep.training.batch_size=1,2"});
  CHECK(experiment.swept == Ids{"training.batch_size", "model.init"});
}

TEST_CASE("a sweep has at most 10000 trials") {
  const auto list = [](int count) {
    std::string text;
    for (int i = 1; i <= count; ++i) text.append(i > 1 ? "," : "").append(std::to_string(i));
    return text;
  };
  const auto sweep = [&](int seeds) { return "[sweep]\nseed = " + list(seeds) + "\nthreads = " + list(1000) + "\n"; };
  CHECK(load_with(sweep(10)).trials.size() == 10'000);
  CHECK(error_with(sweep(11)) == "quick.cfg: sweep: more than 10000 trials, allowed: at most that");
}

}  // namespace stepbench::testing
