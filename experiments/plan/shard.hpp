// Which groups of a plan are run here, where a sweep is spread over machines: every N-th one. Always whole groups: the
// trials of one are measured against each other.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/results/trial_record.hpp"
#include "experiments/plan/plan.hpp"

namespace stepbench {

struct Shard {
  std::int64_t index, count;  // 1 .. count
};

/// Of `--shard`: `2/4`, or `auto` for the place of this task in its Slurm array (SLURM_ARRAY_TASK_ID, _COUNT, _MIN).
/// Throws InputError.
[[nodiscard]] Shard parse_shard(const std::string& text);

/// The shard's groups: the plan's `index`-th, and each `count` after it. None where the plan has fewer than `index`.
[[nodiscard]] std::vector<PlannedGroup> groups_of_shard(std::span<const PlannedGroup> plan, Shard shard);

/// What the shard's file says of it and of the whole sweep.
[[nodiscard]] ShardRecord describe_shard(const Experiment& experiment, std::span<const PlannedGroup> plan, Shard shard);

}  // namespace stepbench
