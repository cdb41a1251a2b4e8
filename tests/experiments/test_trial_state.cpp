// A trial saved between two blocks and restored into a fresh run ends as if nothing had been in between, on every
// backend.
#include <catch2/catch.hpp>

#include "experiments/measure/trial_run.hpp"
#include "experiments/plan/plan.hpp"
#include "tests/experiments/small_experiment.hpp"
#include "variants/registry.hpp"

namespace stepbench::testing {
namespace {

/// All supported backends, with what a state has to carry: the order within an epoch (200 samples, 16 at a time; a
/// short last batch), moments, a schedule, a mean over tokens.
std::vector<PlannedGroup> planned(const Experiment& experiment) { return plan_experiment(experiment, backends()); }

std::string all_backends() {
  std::string names;
  for (const Backend& backend : backends_in_process()) names += (names.empty() ? "" : ",") + std::string(backend.name);
  return "sweep.backend=" + names;
}

std::unique_ptr<LocalTrialRun> start(const PlannedTrial& trial) {
  return start_trial(*trial.backend, *trial.settings, *trial.dataset, {});
}

void check_restored(const Experiment& experiment) {
  std::size_t checked = 0;
  for (const PlannedGroup& group : planned(experiment)) {
    for (const PlannedTrial& trial : group.trials) {
      if (!trial.unsupported.empty()) continue;
      CAPTURE(trial.settings->id);
      const auto undisturbed = start(trial), first = start(trial), second = start(trial);
      const std::int64_t total = undisturbed->total_steps(), before = total / 3;
      undisturbed->train(before, 0);
      undisturbed->train(total - before, 1);
      first->train(before, 0);
      second->train(1, 0);  // is forgotten
      second->restore(first->save());
      second->train(total - before, 1);
      CHECK_FALSE(second->can_train());
      const TrialRecord expected = undisturbed->record(), record = second->record();
      CHECK(record.parameter_digest == expected.parameter_digest);
      CHECK(record.steps.train_loss == expected.steps.train_loss);
      CHECK(record.steps.round == expected.steps.round);
      CHECK(record.epochs.epoch == expected.epochs.epoch);
      CHECK(record.epochs.train_loss == expected.epochs.train_loss);
      CHECK(record.epochs.validation_loss == expected.epochs.validation_loss);
      CHECK(record.order == expected.order);
      ++checked;
    }
  }
  CHECK(checked >= 3);
}

}  // namespace

TEST_CASE("a restored MLP goes on with the same samples, moments and bits") {
  for (const char* optimizer : {"momentum", "adamw"}) {
    check_restored(
        small_experiment({all_backends(), std::string("training.optimizer=") + optimizer, "record.order=true",
                          "measure.evaluate_every=7 steps", "training.schedule=cosine"}));
  }
}

TEST_CASE("a restored float64 run goes on with the same bits") {
  check_restored(small_experiment({all_backends(), "training.optimizer=adam", "training.precision=float64"}));
}

TEST_CASE("a restored run in bfloat16 goes on with the same compensation, master weights and bits") {
  for (const char* kept :
       {"training.rounding=stochastic", "training.compensated=true", "training.master_weights=true"}) {
    check_restored(small_experiment(
        {all_backends(), "training.optimizer=momentum", "training.precision=bfloat16", "sweep.threads=1,2", kept}));
  }
}

TEST_CASE("a restored transformer goes on with the same bits") {
  check_restored(
      small_transformer_experiment({all_backends(), "training.optimizer=adam", "training.learning_rate=0.01"}));
}

TEST_CASE("a trial that has diverged is restored as that") {
  const Experiment experiment = small_experiment({"training.learning_rate=1e30"});
  const std::vector<PlannedGroup> groups = planned(experiment);
  const PlannedTrial& trial = groups.front().trials.front();
  const auto first = start(trial), second = start(trial);
  first->train(60, 0);
  REQUIRE_FALSE(first->can_train());
  second->restore(first->save());
  CHECK_FALSE(second->can_train());
  CHECK(second->record().status == Status::diverged);
}

TEST_CASE("the middle block speaks for the number of threads, and blocks are saved in the order in which they came") {
  const Experiment experiment = small_experiment({});
  const std::vector<PlannedGroup> groups = planned(experiment);
  const auto run = start(groups.front().trials.front());
  TrialState state = run->save();
  state.threads_by_block = {4, 3, 2, 5};
  run->restore(state);
  CHECK(run->record().threads_observed == 4);
  run->train(5, 0);  // by one thread, or none where the system does not tell
  const std::vector<std::int64_t> blocks = run->save().threads_by_block;
  REQUIRE(blocks.size() == 5);
  CHECK(std::vector(blocks.begin(), blocks.end() - 1) == state.threads_by_block);
  CHECK(run->record().threads_observed == 3);
}

}  // namespace stepbench::testing
