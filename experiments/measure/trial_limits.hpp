// What bounded a trial's steps, and what they took of memory: the models of core/models/step_work.hpp held against what
// was measured.
#pragma once

#include "core/network_memory.hpp"
#include "core/results/trial_record.hpp"
#include "experiments/measure/peaks.hpp"
#include "experiments/plan/plan.hpp"

namespace stepbench {

/// By the model: of the network for the trial's largest batch, as its backend keeps weights, or of its threads'
/// networks where each has its own (Backend::network_per_thread). All NaN for a network in a process of its own, whose
/// library decides, and on ranks.
[[nodiscard]] NetworkMemory memory_of(const PlannedTrial& trial);

/// Throws SupplyError when the trial's network, and its initial parameters while it is made, do not fit into what is
/// `available` (bytes; 0: unknown, then all fits). `limit`: of the machine, or the control group, for the message.
void require_memory(const NetworkMemory& needed, double available, double limit);

/// Fills the record's limits from its steps, before these are dropped: medians of the phases over the steps that count,
/// against `peaks`. `rounds` has the blocks' times. Without phases where no step counts, and on ranks.
void judge_limits(TrialRecord& record, const PlannedTrial& planned, const GroupRecord& rounds, const Peaks& peaks);

}  // namespace stepbench
