// The interleaved measurement of one group of trials.
#pragma once

#include "core/config/experiment.hpp"
#include "core/results/trial_record.hpp"
#include "experiments/measure/group_state.hpp"
#include "experiments/measure/peaks.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/terminal/progress.hpp"

namespace stepbench {

struct GroupResult {
  std::vector<TrialRecord> trials;      // in the group's order, unsupported and failed ones included
  GroupRecord rounds;                   // of the trials that were timed; its environment is the caller's to say
  double rounds_seconds = kNotANumber;  // wall time of the rounds, the waits between blocks included
  bool stopped = false;                 // by a signal: `trials` are those that had begun, and there are no rounds
};

/// Passes each trial through the gate against `reference`, then trains those that pass, in blocks that alternate in an
/// order drawn per round. What a trial throws becomes its `failed` record; the others go on. When stop_requested(),
/// trials of the group end as `interrupted`, also those that are through: what they are measured against is missing.
/// `checkpoints`: of groups whose networks all live in this process; others neither write nor heed them. Throws Error
/// when the state to go on from is of other rounds.
[[nodiscard]] GroupResult run_group(const PlannedGroup& group, const Backend& reference, PeakHistory& peaks,
                                    Progress& progress, Checkpoints checkpoints = {});

/// Work of a group in the unit of Progress: floating-point operations of all its supported trials.
[[nodiscard]] double group_work(const PlannedGroup& group);

}  // namespace stepbench
