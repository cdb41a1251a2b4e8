// The step time that a trial's speed is shown and compared by. Not here: how it was measured.
#pragma once

#include <string>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench {

/// s: the trial's median step of each round, NaN where none counted. Empty for a trial that took no turns with its
/// group's, as a peer's, which was added from outside.
[[nodiscard]] std::vector<double> round_times(const GroupRecord* rounds, const std::string& trial);

/// s: the geometric mean of the rounds' median steps, so that two trials' step times have the ratio that pairing by
/// round gives, whatever noise did to single rounds. Of a trial without rounds, the median of its steps; NaN without
/// steps.
[[nodiscard]] double typical_step_time(const GroupRecord* rounds, const TrialRecord& trial);

}  // namespace stepbench
