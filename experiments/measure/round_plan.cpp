#include "experiments/measure/round_plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/results/lookup.hpp"

namespace stepbench {

std::vector<ArmNoise> noise_of_arms(const GroupRecord& rounds, const std::vector<double>& times,
                                    const std::string& baseline) {
  const std::vector<double> of_baseline = column_of(rounds, times, baseline);
  const std::vector<double> of_twin = column_of(rounds, times, twin_id(baseline));
  std::vector<ArmNoise> arms;
  for (const std::string& trial : rounds.trials) {
    if (trial == baseline || is_twin(trial) || of_baseline.empty()) continue;
    const RoundNoise noise = round_noise(of_baseline, column_of(rounds, times, trial), of_twin);
    if (!std::isnan(noise.deviation)) arms.push_back({trial, noise});
  }
  return arms;
}

RoundPlan plan_rounds(const PlannedGroup& group, const GroupRecord& rounds, const RoundCut& cut) {
  const MeasureSettings& measure = group.trials.front().settings->measure;
  const std::string& baseline = group.trials[group.baseline].settings->id;
  RoundPlan plan{.pilot_rounds = cut.pilot_rounds(),
                 .pilot_steps = cut.pilot_steps(),
                 .room = cut.room(),
                 .seeds = group.seeds,
                 .detect = measure.detect,
                 .power = measure.power};
  for (const auto& [trial, noise] : noise_of_arms(rounds, rounds.pilot_step_time, baseline)) {
    const std::int64_t count = rounds_to_detect(noise, measure.detect, group.comparisons, measure.power);
    const double needed = count == 0 ? std::numeric_limits<double>::infinity() : static_cast<double>(count);
    if (plan.needed >= needed) continue;  // not of NaN
    plan.needed = needed;
    plan.noise = noise.deviation;
    plan.alike = noise.correlation;
  }
  if (std::isnan(plan.needed)) {
    plan.planned = std::min(MeasureSettings{}.rounds, plan.room);
    return plan;
  }
  if (std::isinf(plan.needed)) {
    plan.planned = plan.room;
    return plan;
  }
  const std::int64_t each = planned_rounds(static_cast<std::int64_t>(plan.needed), group.seeds);
  plan.planned = std::min(each, plan.room);
  if (each > plan.room) plan.steps_needed = steps_for_rounds(measure, each);
  return plan;
}

}  // namespace stepbench
