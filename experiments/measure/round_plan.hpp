// How many rounds a group gets whose measure.rounds is auto: those that find measure.detect with measure.power, told
// once from its pilot, and kept to. The pilot's rounds are part of the training and no part of the verdict: what chose
// the number of rounds has no say in what they find, and their blocks are shorter than the others. Not here: how they
// are cut (plan/round_cut.hpp), and `stepbench plan`, which asks the same without training on.
#pragma once

#include <span>

#include "core/detection.hpp"
#include "core/results/trial_record.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/plan/round_cut.hpp"

namespace stepbench {

/// The arms of a group that are compared with its baseline, with how they vary; those without enough rounds are left
/// out. `times`: the step times of `rounds`, (R, M).
struct ArmNoise {
  std::string trial;  // id
  RoundNoise noise;
};
[[nodiscard]] std::vector<ArmNoise> noise_of_arms(const GroupRecord& rounds, const std::vector<double>& times,
                                                  const std::string& baseline);

/// From the pilot's rounds of `rounds`. Every comparison of the group is to be found; the table's false discovery rate
/// is shared among all of the experiment, and seeds, which are pooled, share the rounds, of which each has
/// kMinimumPairs for an interval of its own. Where nothing is compared, as many rounds as measure.rounds is by default.
[[nodiscard]] RoundPlan plan_rounds(const PlannedGroup& group, const GroupRecord& rounds, const RoundCut& cut);

}  // namespace stepbench
