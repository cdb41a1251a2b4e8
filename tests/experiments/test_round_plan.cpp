// measure.rounds = auto: how many rounds are planned from a planted pilot, and that a run keeps to its plan, also from
// a checkpoint. Whether the plans of a real machine find what they promise is stepbench_verdict_curves' to show.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "core/detection.hpp"
#include "core/results/lookup.hpp"
#include "core/results/result_file.hpp"
#include "experiments/detect/duration.hpp"
#include "experiments/detect/pilot.hpp"
#include "experiments/detect/report.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/measure/round_plan.hpp"
#include "experiments/run/checkpoint.hpp"
#include "experiments/show/planned_rounds.hpp"
#include "tests/experiments/run_first_group.hpp"
#include "tests/experiments/small_experiment.hpp"

namespace stepbench::testing {
namespace {

using Catch::Matchers::Contains;

/// 400 steps, blocks of ten: a pilot of 120 steps, and room for 28 rounds.
const std::vector<std::string> kAuto = {"measure.rounds=auto", "training.steps=400", "measure.gate=false",
                                        "sweep.backend=blas,tbb"};

std::vector<std::string> with(std::vector<std::string> settings, const std::vector<std::string>& more) {
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

/// A pilot whose arms are blas, its twin and tbb, each with lognormal noise of its own.
GroupRecord planted_pilot(double noise, const std::string& group = "s1") {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  GroupRecord pilot;
  pilot.trials = {"blas-t1-" + group, "tbb-t1-" + group, twin_id("blas-t1-" + group)};
  for (std::size_t i = 0; i < static_cast<std::size_t>(kPilotRounds) * pilot.trials.size(); ++i) {
    pilot.pilot_step_time.push_back(std::exp(noise * normal(random)));
  }
  return pilot;
}

RoundNoise noise_of(const GroupRecord& pilot) {
  const auto times = [&](const char* id) { return column_of(pilot, pilot.pilot_step_time, id); };
  return round_noise(times("blas-t1-s1"), times("tbb-t1-s1"), times("blas-t1-s1~twin"));
}

PlannedGroup first_group(const std::vector<std::string>& settings) {
  return plan_experiment(small_experiment(settings), backends()).front();
}

RoundCut cut_of(const PlannedGroup& group) {
  return {group.trials.front().settings->measure, *group.trials.front().settings->training.steps};
}

/// The first group of `settings`, from a state or from the start, with the images of all boundaries.
class AutoRun {
 public:
  explicit AutoRun(const std::vector<std::string>& settings) : group_(first_group(settings)) {}

  GroupResult run(std::optional<GroupState> from = std::nullopt) {
    images.clear();
    std::FILE* stream = std::tmpfile();
    GroupResult result;
    {
      Progress progress(stream, Verbosity::quiet, 1);
      PeakHistory peaks;
      const auto publish = [&](const GroupState& state) { images.push_back(checkpoint_image(ResultFile(), state)); };
      result = run_group(group_, *find_backend(backends(), kReferenceBackend), peaks, progress,
                         {.from = std::move(from), .publish = publish, .every = 0});
    }
    std::fclose(stream);
    return result;
  }

  std::vector<std::vector<std::byte>> images;

 private:
  PlannedGroup group_;
};

GroupState state_of(const std::vector<std::byte>& image) { return checkpoint_from_image(image, "image").state; }

}  // namespace

TEST_CASE("a planted noise gets the rounds that detection says, up to what there is room for") {
  const PlannedGroup group = first_group(with(kAuto, {"training.steps=40000", "measure.detect=3%"}));
  const RoundCut cut = cut_of(group);
  for (const double noise : {0.001, 0.01, 0.02}) {
    CAPTURE(noise);
    const GroupRecord pilot = planted_pilot(noise);
    const std::int64_t needed = rounds_to_detect(noise_of(pilot), 0.03, 1, kUsualPower);
    const RoundPlan plan = plan_rounds(group, pilot, cut);
    CHECK(plan.needed == static_cast<double>(needed));
    CHECK(plan.planned == needed);
    CHECK(plan.noise == noise_of(pilot).deviation);
    CHECK(plan.pilot_rounds == kPilotRounds);
    CHECK(plan.steps_needed == 0);
  }
  CHECK(plan_rounds(group, planted_pilot(0.02), cut).planned > plan_rounds(group, planted_pilot(0.01), cut).planned);
}

TEST_CASE("`plan` says of measure.rounds = auto what the run would do") {
  const PlannedGroup group = first_group(with(kAuto, {"sweep.seed=1,2"}));
  detect::Condition condition = detect::condition_before_pilot(group);
  CHECK(condition.most == 28);  // after the pilot
  CHECK(condition.rounds == 28);
  CHECK(condition.block == 10);
  condition.baseline = "blas-t1";
  condition.seeds = 2;
  condition.round_seconds = 1;
  const auto said_of = [&](double noise) {
    condition.comparisons = {{"tbb-t1", noise_of(planted_pilot(noise))}};
    detect::Pilot pilot;
    pilot.conditions = {condition};
    return detect::plan_text("small", pilot, {.difference = 0.02, .power = 0.9});
  };
  const RoundPlan hard = plan_rounds(group, planted_pilot(0.03), cut_of(group));
  const auto rounds = static_cast<std::int64_t>(std::ceil(hard.needed / 2));
  REQUIRE(rounds > 28);
  CHECK_THAT(said_of(0.03), Contains("measure.rounds = auto: 12 and " + std::to_string(rounds) +
                                     " after them for each of 2 seeds, about " +
                                     detect::duration_text(static_cast<double>(2 * (12 + rounds))) +
                                     " in all; that takes training.steps = " + std::to_string(hard.steps_needed) +
                                     ", the config's training has 400\n"));
  CHECK_THAT(said_of(0.001), Contains("auto: 12 and 8 after them for each of 2 seeds, about 40 s in all\n"));
}

TEST_CASE("a training with too few steps for its plan takes all that it has, and says how many it would take") {
  const PlannedGroup group = first_group(kAuto);
  const RoundPlan plan = plan_rounds(group, planted_pilot(0.03), cut_of(group));
  CHECK(plan.room == 28);
  CHECK(plan.planned == 28);
  REQUIRE(plan.needed > 28);
  RoundCut longer(group.trials.front().settings->measure, plan.steps_needed);
  CHECK(static_cast<double>(longer.room()) == plan.needed);
  ResultFile file;
  file.groups = {{.id = "s1", .plan = plan}};
  CHECK_THAT(planned_rounds_lines(file),
             Contains("rounds: 28 after a pilot of 12, planned to find 2% in 9 of 10 runs") &&
                 Contains("s1: would need ") &&
                 Contains("the training has room for 28: set training.steps to " + std::to_string(plan.steps_needed) +
                          " or more\n"));
  file.groups.front().plan = plan_rounds(group, planted_pilot(3), cut_of(group));
  CHECK(std::isinf(file.groups.front().plan.needed));
  CHECK_THAT(planned_rounds_lines(file), Contains("more than 2000 rounds would find 2%"));
  CHECK(planned_rounds_lines(ResultFile()).empty());
}

TEST_CASE("seeds share the rounds, and a table's comparisons are planned for together") {
  const std::vector<std::string> long_ones = with(kAuto, {"training.steps=100000"});
  const GroupRecord pilot = planted_pilot(0.03);
  const PlannedGroup one = first_group(long_ones), four = first_group(with(long_ones, {"sweep.seed=1,2,3,4"})),
                     sweep = first_group(with(long_ones, {"sweep.training.batch_size=8,16,32"}));
  const RoundPlan alone = plan_rounds(one, pilot, cut_of(one)), shared = plan_rounds(four, pilot, cut_of(four));
  CHECK(shared.needed == alone.needed);
  CHECK(shared.planned == static_cast<std::int64_t>(std::ceil(alone.needed / 4)));
  CHECK(sweep.comparisons == 3);
  CHECK(plan_rounds(sweep, planted_pilot(0.03, sweep.id), cut_of(sweep)).needed ==
        static_cast<double>(rounds_to_detect(noise_of(pilot), 0.02, 3, kUsualPower)));
}

TEST_CASE("a cut has all steps of the training, and no block that is shorter than the pilot's") {
  for (const int steps : {200, 401, 5000, 123457}) {
    MeasureSettings measure;
    measure.rounds = kAutomaticRounds;
    RoundCut cut(measure, steps);
    CHECK(cut.awaits_plan());
    CHECK(cut.rounds() == kPilotRounds);
    for (const std::int64_t rounds : {std::int64_t{1}, cut.room() / 2, cut.room()}) {
      CAPTURE(steps, rounds);
      cut.plan(rounds);
      CHECK(cut.rounds() == kPilotRounds + rounds);
      std::int64_t sum = 0;
      for (std::int64_t r = 0; r < cut.rounds(); ++r) {
        CHECK(cut.steps_of(r) >= cut.pilot_steps());
        sum += cut.steps_of(r);
      }
      CHECK(sum == steps);
    }
  }
  CHECK_THROWS_WITH(
      first_group(with(kAuto, {"training.steps=199"})),
      Contains("measure.rounds: found \"auto\" with 199 training steps, allowed: a number, or at least 200"));
}

TEST_CASE("a run has the rounds that it planned, of which the pilot's have no say in ratios") {
  const GroupResult result = run_first_group(small_experiment(with(kAuto, {"sweep.threads=1,2"})));
  const GroupRecord& rounds = result.rounds;
  CHECK(rounds.plan.pilot_rounds == kPilotRounds);
  CHECK(rounds.plan.pilot_steps == 10);
  CHECK(rounds.plan.detect == 0.02);
  CHECK(rounds.plan.planned >= 8);
  CHECK(rounds.rounds() == kPilotRounds + rounds.plan.planned);
  for (std::size_t i = 0; i < rounds.step_time.size(); ++i) {
    const bool pilot = i < static_cast<std::size_t>(kPilotRounds) * rounds.trials.size();
    CHECK(std::isfinite(rounds.step_time[i]) == !pilot);
    CHECK(std::isfinite(rounds.pilot_step_time[i]) == pilot);
  }
  for (const TrialRecord& trial : result.trials) {
    CHECK(trial.steps.train_loss.size() == 400);
    CHECK(trial.steps.round.back() + 1 == rounds.rounds());
    CHECK(trial.steps.round[119] == 11);
    CHECK(trial.steps.round[120] == 12);
    const RatioEstimate ratio =
        paired_ratio(column_of(rounds, rounds.step_time, "blas-t1-s1"), column_of(rounds, rounds.step_time, trial.id));
    CHECK(ratio.pairs == static_cast<std::size_t>(rounds.plan.planned));
    CHECK(trial.summary.speed_ratio == ratio.ratio);
  }
  const GroupResult alone = run_first_group(small_experiment(with(kAuto, {"sweep.backend=tbb"})));
  CHECK(alone.rounds.plan.planned == MeasureSettings{}.rounds);
  CHECK(std::isnan(alone.rounds.plan.needed));
}

TEST_CASE("a group goes on from any round with the plan that it had, and plans once where it had none") {
  AutoRun run(with(kAuto, {"training.optimizer=adamw"}));
  const GroupResult expected = run.run();
  const std::vector<std::vector<std::byte>> images = run.images;
  REQUIRE(std::ssize(images) == expected.rounds.rounds() - 1);
  for (const std::size_t boundary : {std::size_t{4}, std::size_t{11}, std::size_t{13}, images.size() - 1}) {
    CAPTURE(boundary);
    const GroupState before = state_of(images[boundary]);
    const bool planned = boundary >= 11;  // the plan is part of what is kept at the pilot's end
    CHECK((before.rounds.plan.planned > 0) == planned);
    CHECK(before.rounds.plan.pilot_rounds == kPilotRounds);
    const GroupResult result = run.run(state_of(images[boundary]));
    for (std::size_t i = 0; i < result.trials.size(); ++i) {
      CHECK(result.trials[i].parameter_digest == expected.trials[i].parameter_digest);
      CHECK(result.trials[i].steps.train_loss == expected.trials[i].steps.train_loss);
      if (planned) CHECK(result.trials[i].steps.round == expected.trials[i].steps.round);
    }
    CHECK(result.rounds.rounds() == kPilotRounds + result.rounds.plan.planned);
    if (!planned) continue;
    CHECK(result.rounds.plan.planned == expected.rounds.plan.planned);
    CHECK(result.rounds.plan.noise == expected.rounds.plan.noise);
    CHECK(result.rounds.position == expected.rounds.position);
    CHECK(result.rounds.segment.back() == 1);
  }
}

}  // namespace stepbench::testing
