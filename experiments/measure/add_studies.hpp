// Of a study of scaling (scaling.kind): the model of each arm over its numbers of ranks or threads, and what it
// predicts for more.
#pragma once

#include <vector>

#include "core/results/trial_record.hpp"
#include "experiments/plan/plan.hpp"

namespace stepbench {

/// `records` and their steps are of the group's trials, in its order, as they ended; `rounds` has their blocks.
void add_studies(const PlannedGroup& group, const GroupRecord& rounds, std::vector<TrialRecord>& records);

}  // namespace stepbench
