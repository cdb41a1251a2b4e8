// What a config asks for against the data: what the plan adds to the settings, and what does not fit.
#include <catch2/catch.hpp>

#include "core/arm.hpp"
#include "core/error.hpp"
#include "experiments/machine/topology.hpp"
#include "experiments/plan/plan.hpp"
#include "tests/experiments/small_experiment.hpp"

namespace stepbench::testing {
namespace {

/// `copy` with 2 * 3 tokens of 5 symbols, for a transformer; `overrides` as for --set.
Experiment copy_experiment(const std::vector<std::string>& overrides) {
  return experiment_from(
      "[dataset]\nkind = copy\nalphabet = 4\nlength = 3\nsamples = 40\n"
      "[model]\nkind = transformer\nd_model = 8\nheads = 2\nblocks = 1\ncontext = 6\n"
      "[training]\nsteps = 4\nlearning_rate = 0.1\n"
      "[sweep]\nbackend = neuron\n",
      overrides);
}

std::string plan_error(const Experiment& experiment) {
  try {
    static_cast<void>(plan_experiment(experiment, backends()));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("the plan fills in the size of the vocabulary and leaves the experiment alone") {
  const Experiment experiment = copy_experiment({});
  const std::vector<PlannedGroup> groups = plan_experiment(experiment, backends());
  CHECK(groups.at(0).trials.at(0).settings->model.vocabulary_size == 5);
  CHECK(experiment.trials.at(0).model.vocabulary_size == 0);
}

TEST_CASE("the plan says where threads are held, as measure.pin asks for") {
  const auto places = [](const char* pin) {
    const std::string override = std::string("measure.pin=") + pin;
    return plan_experiment(copy_experiment({override}), backends()).at(0).trials.at(0).settings->places;
  };
  CHECK(places("compact").cpus == place_threads(Pin::compact, 1, this_topology()).cpus);
  CHECK(places("none").cpus.empty());
  CHECK(places("none").why_not.empty());
}

TEST_CASE("a key is part of an arm in files as it is in configs") {
  for (const Key& key : key_table().keys()) {
    if (section_of(key.name) == "sweep") continue;
    INFO(key.name);
    CHECK(key.of_arm == is_of_arm(key.name));
  }
}

TEST_CASE("trials that differ in context have data of their own, others share it") {
  const std::string text = std::string(STEPBENCH_SOURCE_DIR) + "/experiments/data/names.txt";
  const Experiment experiment =
      load_experiment(STEPBENCH_SOURCE_DIR "/experiments/names-transformer.cfg",
                      std::vector<std::string>{"sweep.model.context=8,16", "dataset.path=" + text}, key_table());
  const std::vector<PlannedGroup> groups = plan_experiment(experiment, backends());
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].trials.at(0).dataset->context == 8);
  CHECK(groups[1].trials.at(0).dataset->context == 16);
  CHECK(groups[0].trials.at(0).dataset == groups[0].trials.at(1).dataset);
}

TEST_CASE("an MLP on tokens is refused at the model's kind") {
  Experiment experiment = small_experiment({});
  DatasetSettings& dataset = experiment.trials.at(0).dataset;
  dataset.kind = "copy";
  dataset.alphabet = 4;
  dataset.length = 3;
  CHECK_THAT(plan_error(experiment),
             Catch::EndsWith(": model.kind: found \"mlp\", but dataset.kind = copy has tokens and "
                             "no features, allowed: transformer"));
}

TEST_CASE("a vocabulary that makes too many parameters is refused at the width") {
  Experiment experiment = copy_experiment({"dataset.alphabet=1000000"});
  experiment.trials.at(0).model.d_model = 20000;  // 4.8e9 of the block alone
  CHECK_THAT(plan_error(experiment),
             Catch::Contains("model.d_model: found \"20000\", which with the data's vocabulary of "
                             "1000001 makes ") &&
                 Catch::EndsWith(" parameters, allowed: at most 10000000000"));
}

TEST_CASE("a transformer on features is refused at the model's kind") {
  Experiment experiment = copy_experiment({});
  experiment.trials.at(0).dataset.kind = "blobs";
  CHECK_THAT(
      plan_error(experiment),
      Catch::EndsWith(":7: model.kind: found \"transformer\", but dataset.kind = blobs has features and no tokens, "
                      "allowed: mlp"));
}

TEST_CASE("a context that the data does not have is refused at the context") {
  CHECK(plan_error(copy_experiment({"model.context=5"})) ==
        "--set model.context: found \"5\", but the sequences of copy have 6 tokens, allowed: 6");
}

TEST_CASE("accuracy can be the target of a transformer") {
  CHECK(plan_error(copy_experiment({"training.target=validation_accuracy>=0.9"})) == "no error");
}

}  // namespace stepbench::testing
