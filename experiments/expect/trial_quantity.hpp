// The number of a trial that an expectation is about.
#pragma once

#include "core/expect/expectation.hpp"
#include "core/results/trial_record.hpp"

namespace stepbench {

/// Of one trial: a spread is of several. Where training diverged, a loss is infinite and an accuracy 0, but for the
/// best of the evaluations before; the steps and the time to a target that was not reached are infinite. NaN: it has
/// none (it failed, its data have no classes, it was not evaluated at that step, its file does not say). `rounds` are
/// those of its group, by which speed is told as the table shows it; null where there are none.
[[nodiscard]] double quantity_of(const TrialRecord& trial, const GroupRecord* rounds, const Quantity& quantity);

/// Whether it has a target and did not get there.
[[nodiscard]] bool missed_target(const TrialRecord& trial);

}  // namespace stepbench
