// What more cores would give the trials of a group, kept with what was measured of them.
#pragma once

#include <vector>

#include "core/results/trial_record.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/terminal/progress.hpp"

namespace stepbench {

/// Once per arm, about a second, into the records of its completed trials, as `measure.scaling` says. A failure or a
/// signal leaves them without: what was measured of them is whole. `records`: the group's trials', in its order.
void add_forecasts(const PlannedGroup& group, std::vector<TrialRecord>& records, Progress& progress);

}  // namespace stepbench
