// What is said of a trial as a whole, from the series of its steps and epochs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/data/dataset.hpp"
#include "core/results/trial_record.hpp"
#include "core/settings.hpp"

namespace stepbench {

/// Steps that count, of step `from` (the first of a round) and all later ones: not among the first measure.warmup_steps
/// of their round, and of a full batch (unless the data is too small for one).
[[nodiscard]] std::vector<std::size_t> counted_steps(const StepSeries& steps, const TrialSettings& trial,
                                                     const Dataset& dataset, std::size_t from = 0);
/// Their wall times, s.
[[nodiscard]] std::vector<double> counted_times(const StepSeries& steps, const TrialSettings& trial,
                                                const Dataset& dataset, std::size_t from = 0);

/// Fills the summary from the series. `peak_gflops`: FMA peak of as many cores as the trial has threads. `segments`: of
/// each round (GroupRecord::segment); none: all are one. How far steps spread is told within segments: that one start
/// of the program is faster than another is no noise of the steps.
void summarise(TrialRecord& record, const TrialSettings& trial, const Dataset& dataset, double peak_gflops,
               std::span<const std::int64_t> segments = {});

/// Ratios of all timed trials of a group against its baseline, paired by round, and how far noise alone would take
/// them, into their summaries. Of samples per second: in a study of scaling, trials of a group may have other batches.
void compare_with_baseline(std::span<TrialRecord> trials, const GroupRecord& rounds, bool interleaved);

}  // namespace stepbench
