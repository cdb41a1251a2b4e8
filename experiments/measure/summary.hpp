// What is said of a trial as a whole, from the series of its steps and epochs.
#pragma once

#include <cstddef>
#include <vector>

#include "core/data/dataset.hpp"
#include "core/results/trial_record.hpp"
#include "core/settings.hpp"

namespace stepbench {

/// Wall times (s) of the steps that count, of step `from` (the first of a round) and all later ones: not among the
/// first measure.warmup_steps of their round, and of a full batch (unless the data is too small for one).
[[nodiscard]] std::vector<double> counted_times(const StepSeries& steps, const TrialSettings& trial,
                                                const Dataset& dataset, std::size_t from = 0);

/// Fills the summary from the series. `peak_gflops`: FMA peak of as many cores as the trial has threads.
void summarise(TrialRecord& record, const TrialSettings& trial, const Dataset& dataset, double peak_gflops);

}  // namespace stepbench
