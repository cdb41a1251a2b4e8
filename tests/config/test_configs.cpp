// The configs that come with the program.
#include <catch2/catch.hpp>

#include "tests/config/config_fixture.hpp"

namespace stepbench::testing {
namespace {

Experiment load_shipped(const std::string& name) {
  return load_experiment(std::filesystem::path(STEPBENCH_SOURCE_DIR) / "experiments" / name, {}, kTestKeys);
}

}  // namespace

TEST_CASE("every shipped config loads, says what it asks, and is named like its file") {
  int configs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(STEPBENCH_SOURCE_DIR "/experiments")) {
    if (entry.path().extension() != ".cfg") continue;
    ++configs;
    INFO(entry.path());
    const Experiment experiment = load_shipped(entry.path().filename().string());
    CHECK(experiment.settings.name == entry.path().stem().string());
    CHECK_FALSE(experiment.trials.empty());
    CHECK(experiment.text.starts_with("# "));
    for (const TrialSettings& trial : experiment.trials) {
      CHECK((trial.dataset.path.empty() ||
             std::filesystem::exists(std::filesystem::path(STEPBENCH_SOURCE_DIR) / trial.dataset.path)));
    }
  }
  CHECK(configs >= 10);
}

TEST_CASE("the original config is the tutorial's network and training") {
  const TrialSettings trial = load_shipped("original.cfg").trials.at(0);
  CHECK(trial.model.layers == std::vector<std::int64_t>{784, 128, 64, 10});
  CHECK(trial.model.output == OutputActivation::relu);
  CHECK(trial.model.loss == Loss::squared_error);
  CHECK(trial.model.init == Initialisation::original);
  CHECK(trial.training.optimizer == Optimizer::sgd);
  CHECK(trial.training.update_order == UpdateOrder::layerwise);
  CHECK(trial.training.batch_size == 32);
  CHECK_FALSE(trial.dataset.shuffle);
}

TEST_CASE("the transformer configs start as GPT-2 does and train with adamw") {
  for (const std::string name :
       {"names-transformer", "moby-dick-transformer", "char-gpt", "modular-addition", "transformer-speed"}) {
    INFO(name);
    for (const TrialSettings& trial : load_shipped(name + ".cfg").trials) {
      CHECK(trial.model.kind == ModelKind::transformer);
      CHECK(trial.model.init == Initialisation::gpt2);
      CHECK(trial.training.optimizer == Optimizer::adamw);
    }
  }
}

}  // namespace stepbench::testing
