#include "experiments/detect/pilot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/arm.hpp"
#include "core/error.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/measure/round_plan.hpp"
#include "experiments/plan/round_cut.hpp"
#include "experiments/plan/trial_steps.hpp"
#include "experiments/terminal/interrupt.hpp"

namespace stepbench::detect {
namespace {

constexpr const char* kInterrupted = "interrupted: nothing is planned";

/// The same trial for as many rounds as a pilot has.
PlannedTrial for_pilot(PlannedTrial planned, std::int64_t block) {
  TrialSettings settings = *planned.settings;
  settings.measure.rounds = kPilotRounds;
  settings.measure.scaling = false;
  settings.training.epochs.reset();
  settings.training.steps = kPilotRounds * block;
  settings.record = {};
  planned.settings = std::make_shared<const TrialSettings>(std::move(settings));
  return planned;
}

struct PilotGroup {
  PlannedGroup group;
  Condition condition;
};

PilotGroup pilot_of(const PlannedGroup& group) {
  PilotGroup pilot{group, condition_before_pilot(group)};
  for (PlannedTrial& trial : pilot.group.trials) trial = for_pilot(std::move(trial), pilot.condition.block);
  return pilot;
}

void note_missing(const GroupResult& result, Pilot& pilot) {
  for (const TrialRecord& record : result.trials) {
    if (record.status == Status::completed || record.status == Status::diverged) continue;
    pilot.gate_failed = pilot.gate_failed || record.cause == FailureCause::gate;
    std::vector<std::string>& lines = record.status == Status::unsupported ? pilot.unsupported : pilot.failures;
    lines.push_back(fmt::format("{} {}: {}", record.id, to_text(record.status), record.message));
  }
}

void measure(const PilotGroup& planned, PeakHistory& peaks, Progress& progress, Pilot& pilot) {
  const GroupResult result = run_group(planned.group, *find_backend(backends(), kReferenceBackend), peaks, progress);
  if (result.stopped) throw Interrupted(kInterrupted);
  note_missing(result, pilot);
  const auto baseline = std::ranges::find_if(result.trials, &TrialRecord::is_baseline);
  if (baseline == result.trials.end()) return;
  Condition condition = planned.condition;
  condition.baseline = arm_of(*baseline).name();
  condition.round_seconds = result.rounds_seconds / static_cast<double>(kPilotRounds);
  for (const ArmNoise& arm : noise_of_arms(result.rounds, result.rounds.step_time, baseline->id)) {
    const auto record = std::ranges::find(result.trials, arm.trial, &TrialRecord::id);
    condition.comparisons.push_back({arm_of(*record).name(), arm.noise});
  }
  if (!condition.comparisons.empty()) pilot.conditions.push_back(std::move(condition));
}

}  // namespace

Condition condition_before_pilot(const PlannedGroup& group) {
  const PlannedTrial& first = group.trials.front();
  const MeasureSettings& measure = first.settings->measure;
  if (!measure.interleave) {
    throw InputError(fmt::format("plan: {}: blocks that do not alternate find nothing: measure.interleave = true",
                                 first.settings->id));
  }
  const std::int64_t steps = steps_of_trial(*first.settings, *first.dataset);
  const RoundCut cut(measure, steps);
  const std::int64_t rounds = cut.awaits_plan() ? cut.room() : cut.rounds();
  const std::int64_t block = cut.awaits_plan() ? cut.pilot_steps() : steps / rounds;
  return {.name = condition_of(group),
          .baseline = {},
          .rounds = rounds,
          .steps = steps,
          .block = block,
          .most = cut.awaits_plan() ? rounds : steps / block,
          .measure = measure};
}

Pilot run_pilot(std::span<const PlannedGroup> groups, Verbosity verbosity) {
  std::vector<PilotGroup> planned;
  std::map<std::string, std::size_t> place_of;  // by condition
  double work = 0;
  for (const PlannedGroup& group : groups) {
    if (!compares(group)) continue;
    const auto [place, is_new] = place_of.try_emplace(condition_of(group), planned.size());
    if (is_new) {
      work += group_work(planned.emplace_back(pilot_of(group)).group);
    } else {
      ++planned[place->second].condition.seeds;
    }
  }
  if (planned.empty()) throw InputError("plan: no group has two backends or numbers of threads: nothing is compared");
  const StopOnSignal signals;
  Progress progress(stderr, verbosity, work);
  PeakHistory peaks;
  Pilot pilot;
  for (const PilotGroup& group : planned) measure(group, peaks, progress, pilot);
  return pilot;
}

}  // namespace stepbench::detect
