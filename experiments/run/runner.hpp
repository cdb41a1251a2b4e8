// Runs a planned experiment: group by group, the trials of a group in alternating blocks, every finished group on disk
// before the next begins.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "core/config/experiment.hpp"
#include "core/results/trial_record.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/output.hpp"
#include "experiments/terminal/progress.hpp"
#include "variants/registry.hpp"

namespace stepbench {

struct RunRequest {
  const Experiment& experiment;
  std::span<const PlannedGroup> groups;  // plan_experiment's, or a shard's of them
  std::filesystem::path output;          // FILE.h5
  IfPresent if_present = IfPresent::refuse;
  ShardRecord shard = {};  // where these are not all groups of the plan
};

/// Throws OutputError; InputError when there are trials to resume that are not this experiment's; Interrupted after a
/// signal (interrupt.hpp), with what the group under way has done published as `interrupted`. A trial that fails or
/// diverges is a result, not an error. Returns the published collection.
ResultFile run_experiment(const RunRequest& request, Progress& progress);

}  // namespace stepbench
