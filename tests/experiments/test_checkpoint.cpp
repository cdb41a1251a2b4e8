// A group that goes on from a checkpoint, through its image on disk, ends as one that was never stopped.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "core/results/lookup.hpp"
#include "core/results/result_file.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/run/checkpoint.hpp"
#include "tests/experiments/small_experiment.hpp"
#include "tests/support/throwing_network.hpp"

namespace stepbench::testing {
namespace {

/// The first group of an experiment.
class OneGroup {
 public:
  explicit OneGroup(Experiment experiment) : experiment_(std::move(experiment)) {
    table_.assign(backends().begin(), backends().end());
    table_.push_back(throwing_backend<8>());
    groups_ = plan_experiment(experiment_, table_);
  }

  GroupResult run(Checkpoints checkpoints = {}) const {
    std::FILE* stream = std::tmpfile();
    GroupResult result;
    {
      Progress progress(stream, Verbosity::quiet, 1);
      PeakHistory peaks;
      result =
          run_group(groups_.front(), *find_backend(table_, kReferenceBackend), peaks, progress, std::move(checkpoints));
    }
    std::fclose(stream);
    return result;
  }

  /// The states at all boundaries of an undisturbed run, as images.
  std::vector<std::vector<std::byte>> images() const {
    std::vector<std::vector<std::byte>> images;
    run({.from = std::nullopt,
         .publish = [&](const GroupState& state) { images.push_back(checkpoint_image(ResultFile(), state)); },
         .every = 0});
    return images;
  }

 private:
  Experiment experiment_;
  std::vector<Backend> table_;
  std::vector<PlannedGroup> groups_;
};

GroupState state_of(const std::vector<std::byte>& image) { return checkpoint_from_image(image, "image").state; }

/// Equal, NaN to NaN: the loss of a trial that diverges.
bool same(const std::vector<double>& values, const std::vector<double>& others) {
  return std::ranges::equal(values, others,
                            [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); });
}

void check_same(const GroupResult& result, const GroupResult& expected) {
  REQUIRE(result.trials.size() == expected.trials.size());
  for (std::size_t i = 0; i < result.trials.size(); ++i) {
    const TrialRecord &trial = result.trials[i], &other = expected.trials[i];
    CAPTURE(trial.id);
    CHECK(trial.status == other.status);
    CHECK(trial.message == other.message);
    CHECK(trial.is_baseline == other.is_baseline);
    CHECK(trial.parameter_digest == other.parameter_digest);
    CHECK(same(trial.steps.train_loss, other.steps.train_loss));
    CHECK(trial.steps.round == other.steps.round);
    CHECK(trial.epochs.epoch == other.epochs.epoch);
    CHECK(same(trial.epochs.train_loss, other.epochs.train_loss));
    CHECK(same(trial.epochs.validation_loss, other.epochs.validation_loss));
    CHECK(same(trial.epochs.gradient_square, other.epochs.gradient_square));
    CHECK(same(trial.epochs.gradient_variance, other.epochs.gradient_variance));
    CHECK(trial.order == other.order);
  }
  CHECK(result.rounds.trials == expected.rounds.trials);
  CHECK(result.rounds.position == expected.rounds.position);
}

/// Goes on from every boundary.
void check_all_boundaries(const Experiment& experiment) {
  const OneGroup group(experiment);
  const GroupResult expected = group.run();
  const std::vector<std::vector<std::byte>> images = group.images();
  REQUIRE(images.size() >= 3);
  for (std::size_t i = 0; i < images.size(); ++i) {
    CAPTURE(i);
    check_same(group.run({.from = state_of(images[i])}), expected);
  }
}

const std::string kShort = "measure.rounds=4";
const std::string kGateless = "measure.gate=false";  // which does nothing to what follows it

}  // namespace

TEST_CASE("an MLP's group goes on from each round to the same bits, with each optimiser") {
  for (const char* optimizer : {"sgd", "momentum", "adamw"}) {
    CAPTURE(optimizer);
    check_all_boundaries(small_experiment({kShort, kGateless, "sweep.backend=neuron,blas,tbb", "sweep.threads=1,2",
                                           std::string("training.optimizer=") + optimizer, "record.order=true",
                                           "measure.evaluate_every=7 steps", "training.schedule=cosine"}));
  }
}

TEST_CASE("a transformer's group goes on from each round to the same bits, with each optimiser") {
  for (const char* optimizer : {"sgd", "momentum", "adamw"}) {
    CAPTURE(optimizer);
    check_all_boundaries(
        small_transformer_experiment({kShort, kGateless, "sweep.backend=blas,tbb", "sweep.threads=1,2",
                                      std::string("training.optimizer=") + optimizer, "training.learning_rate=0.01"}));
  }
}

TEST_CASE("a float64 group, layer by layer, goes on to the same bits") {
  check_all_boundaries(small_experiment(
      {kShort, kGateless, "sweep.backend=blas,tbb", "training.precision=float64", "training.update_order=layerwise"}));
}

TEST_CASE("a group in bfloat16 goes on to the same bits, with what keeps its updates") {
  for (const char* kept : {"training.compensated=true", "training.master_weights=true"}) {
    CAPTURE(kept);
    check_all_boundaries(small_experiment({kShort, kGateless, "sweep.backend=neuron,tbb", "training.precision=bfloat16",
                                           "training.optimizer=adam", kept}));
  }
}

TEST_CASE("a group that measures the noise of its gradients goes on from between two evaluations") {
  check_all_boundaries(small_experiment({kShort, kGateless, "sweep.backend=neuron,tbb", "training.micro_batch=4",
                                         "record.gradient_noise=true", "measure.evaluate_every=7 steps"}));
}

TEST_CASE("a group whose trials take no turns goes on from each block") {
  check_all_boundaries(
      small_experiment({"measure.rounds=3", kGateless, "measure.interleave=false", "sweep.backend=neuron,blas"}));
}

TEST_CASE("a trial that diverged or failed before the checkpoint stays so, and the others go on") {
  check_all_boundaries(small_experiment({kShort, kGateless, "sweep.backend=neuron,throwing,blas"}));
  check_all_boundaries(small_experiment({kShort, kGateless, "training.learning_rate=1e30", "sweep.backend=blas,tbb"}));
}

TEST_CASE("a moment that is not restored is seen in the bits") {
  const OneGroup group(small_experiment({kShort, kGateless, "sweep.backend=blas", "training.optimizer=adamw"}));
  const std::string expected = group.run().trials.front().parameter_digest;
  const std::vector<std::byte> image = group.images().front();
  for (std::vector<double> TrialState::*moment : {&TrialState::first_moment, &TrialState::second_moment}) {
    GroupState state = state_of(image);
    for (double& value : (*state.trials.front().state).*moment) value = 0;
    CHECK(group.run({.from = std::move(state)}).trials.front().parameter_digest != expected);
  }
}

TEST_CASE("rounds after a restart carry the number of their segment, restart by restart") {
  const OneGroup group(small_experiment({kShort, kGateless, "sweep.backend=neuron,blas"}));
  const auto stopped_at = [&](std::optional<GroupState> from, std::size_t boundary) {
    std::vector<GroupState> states;
    group.run({.from = std::move(from),
               .publish = [&](GroupState state) { states.push_back(std::move(state)); },
               .every = 0});
    return std::move(states.at(boundary));
  };
  GroupState first = stopped_at(std::nullopt, 0);
  GroupState second = stopped_at(std::move(first), 1);
  second.rounds.earlier_environments = {0};  // as the caller names them
  const GroupResult result = group.run({.from = std::move(second)});
  CHECK(column_of(result.rounds, result.rounds.segment, "blas-t1-s1") == std::vector<std::int64_t>{0, 1, 1, 2});
  CHECK(group.run().rounds.segment == std::vector<std::int64_t>(12, 0));
}

TEST_CASE("times of before a restart are kept, and peaks and noise go on") {
  const OneGroup group(small_experiment({kShort, kGateless, "sweep.backend=neuron,blas"}));
  const std::vector<std::byte> image = group.images().at(1);
  const GroupState before = state_of(image);
  const GroupResult result = group.run({.from = state_of(image)});
  const std::size_t done = static_cast<std::size_t>(before.blocks);
  REQUIRE(done == 6);
  for (std::size_t i = 0; i < result.rounds.step_time.size(); ++i) {
    CAPTURE(i);
    CHECK((result.rounds.step_time[i] == before.rounds.step_time[i]) == (i < done));
    CHECK((result.rounds.sentinel_time[i] == before.rounds.sentinel_time[i]) == (i < done));
    CHECK(std::isfinite(result.rounds.block_time[i]));
  }
  const TrialRecord &trial = result.trials.front(), &stopped = before.trials.front().record;
  for (std::size_t i = 0; i < stopped.steps.wall_time.size(); ++i) {
    CHECK(trial.steps.wall_time[i] == stopped.steps.wall_time[i]);
  }
  for (std::size_t i = 0; i < stopped.epochs.train_time.size(); ++i) {
    CHECK(trial.epochs.train_time[i] == stopped.epochs.train_time[i]);
  }
  CHECK(std::ranges::is_sorted(trial.epochs.train_time));
  CHECK(result.rounds.rounds() == 4);
  CHECK(result.rounds.peak_gflops.front() == before.rounds.peak_gflops.front());
  CHECK(trial.summary.percent_of_peak * before.trials.front().peak_gflops <= 100 * trial.summary.gflops * 1.0001);
}

TEST_CASE("the clock of before a restart is no disturbance after it") {
  const OneGroup group(small_experiment({kShort, kGateless, "sweep.backend=neuron,blas"}));
  GroupState state = state_of(group.images().at(1));
  for (double& seconds : state.rounds.sentinel_time) seconds = 1;  // of a machine that is some thousand times slower
  const GroupRecord rounds = group.run({.from = std::move(state)}).rounds;
  for (std::size_t i = 0; i < rounds.disturbed.size(); ++i) {
    if (rounds.segment[i] == 0) CHECK((rounds.disturbed[i] & kSlowSentinel) == 0);
  }
}

TEST_CASE("a state of other rounds is refused") {
  const OneGroup four(small_experiment({kShort, kGateless})), five(small_experiment({"measure.rounds=5", kGateless}));
  CHECK_THROWS_WITH(five.run({.from = state_of(four.images().front())}), Catch::Contains("other rounds"));
}

TEST_CASE("a result file is no checkpoint") {
  GroupState state = state_of(OneGroup(small_experiment({kShort, kGateless})).images().front());
  CHECK_THROWS_WITH(checkpoint_from_image(to_image(ResultFile()), "image"), Catch::Contains("is no checkpoint"));
  state.trials.front().state->second_moment.pop_back();
  CHECK_THROWS_WITH(checkpoint_from_image(checkpoint_image(ResultFile(), state), "image"),
                    Catch::Contains("second_moment"));
}

}  // namespace stepbench::testing
