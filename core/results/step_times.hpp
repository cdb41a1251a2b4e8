// The step time that a trial's speed is shown and compared by. Not here: how it was measured.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench {

/// s: the trial's median step of each round, NaN where none counted. Empty for a trial that took no turns with its
/// group's, as a peer's, which was added from outside.
[[nodiscard]] std::vector<double> round_times(const GroupRecord* rounds, const std::string& trial);
/// The process of each of the rounds; empty where one trained all.
[[nodiscard]] std::vector<std::int64_t> round_processes(const GroupRecord* rounds);

/// What the twins of these groups' baselines say together, their rounds counted as of one; NaN when there are none.
/// Null stands for a group without rounds.
[[nodiscard]] double noise_floor_of(const std::set<const GroupRecord*>& groups);

/// s: the geometric mean of the rounds' median steps, so that two trials' step times have the ratio that pairing by
/// round gives, whatever noise did to single rounds. Of a trial without rounds, the median of its steps; NaN without
/// steps.
[[nodiscard]] double typical_step_time(const GroupRecord* rounds, const TrialRecord& trial);

/// What the summary's numbers per second, which are of its median step, are to be multiplied by to be of the typical
/// one; 1 for a trial without rounds.
[[nodiscard]] double median_over_typical(const GroupRecord* rounds, const TrialRecord& trial);

}  // namespace stepbench
