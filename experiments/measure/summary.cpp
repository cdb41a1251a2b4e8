#include "experiments/measure/summary.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "core/results/lookup.hpp"
#include "core/statistics.hpp"
#include "experiments/plan/trial_steps.hpp"

namespace stepbench {
namespace {

std::optional<double> first_time_at_target(const EpochSeries& epochs, const Target& target) {
  for (std::size_t i = 0; i < epochs.train_time.size(); ++i) {
    const bool met = target.metric == Target::Metric::validation_accuracy
                         ? epochs.validation_accuracy[i] >= target.bound
                     : target.metric == Target::Metric::validation_loss ? epochs.validation_loss[i] <= target.bound
                                                                        : epochs.train_loss[i] <= target.bound;
    if (met) return epochs.train_time[i];
  }
  return std::nullopt;
}

/// Wall times of these steps, s; where there are several segments, each less the median of its own.
std::vector<double> about_median_of_segment(const StepSeries& steps, const std::vector<std::size_t>& counted,
                                            std::span<const std::int64_t> segments) {
  std::map<std::int64_t, std::vector<double>> by_segment;
  for (const std::size_t i : counted) {
    const std::int64_t segment = segments.empty() ? 0 : segments[static_cast<std::size_t>(steps.round[i])];
    by_segment[segment].push_back(steps.wall_time[i]);
  }
  std::vector<double> all;
  for (const auto& [segment, times] : by_segment) {
    const double centre = by_segment.size() == 1 ? 0 : median(times);
    for (const double time : times) all.push_back(time - centre);
  }
  return all;
}

}  // namespace

std::vector<std::size_t> counted_steps(const StepSeries& steps, const TrialSettings& trial, const Dataset& dataset,
                                       std::size_t from) {
  const std::int64_t per_epoch = steps_per_epoch(trial, dataset);
  const bool last_is_short = per_epoch > 1 && dataset.train.samples % trial.batch_size() != 0;
  std::vector<std::size_t> counted;
  std::int64_t in_round = 0;
  for (std::size_t i = from; i < steps.wall_time.size(); ++i) {
    in_round = i > from && steps.round[i] == steps.round[i - 1] ? in_round + 1 : 0;
    const bool is_short = last_is_short && static_cast<std::int64_t>(i + 1) % per_epoch == 0;
    if (in_round < trial.measure.warmup_steps || is_short) continue;
    counted.push_back(i);
  }
  return counted;
}

std::vector<double> counted_times(const StepSeries& steps, const TrialSettings& trial, const Dataset& dataset,
                                  std::size_t from) {
  std::vector<double> times;
  for (const std::size_t i : counted_steps(steps, trial, dataset, from)) times.push_back(steps.wall_time[i]);
  return times;
}

void summarise(TrialRecord& record, const TrialSettings& trial, const Dataset& dataset, double peak_gflops,
               std::span<const std::int64_t> segments) {
  TrialSummary& summary = record.summary;
  const std::vector<std::size_t> counted = counted_steps(record.steps, trial, dataset);
  const std::vector<double> times = counted_times(record.steps, trial, dataset);
  if (!times.empty()) {
    summary.step_time_median = median(times);
    const std::vector<double> spread = about_median_of_segment(record.steps, counted, segments);
    summary.step_time_mad = median_absolute_deviation(spread);
    summary.step_time_iqr = interquartile_range(spread);
    summary.samples_per_second = static_cast<double>(samples_per_step(trial, dataset)) / summary.step_time_median;
    if (dataset.context > 0) {
      summary.tokens_per_second = summary.samples_per_second * static_cast<double>(dataset.context);
    }
    summary.gflops = record.flops_per_step / summary.step_time_median * 1e-9;
    summary.percent_of_peak = 100 * summary.gflops / peak_gflops;
  }
  const EpochSeries& epochs = record.epochs;
  const auto best = [](const std::vector<double>& values, auto better) {
    double result = kNotANumber;
    for (const double value : values) {
      if (!(better(result, value) || std::isnan(value))) result = value;
    }
    return result;
  };
  if (!epochs.train_loss.empty()) summary.final_train_loss = epochs.train_loss.back();
  summary.best_validation_loss = best(epochs.validation_loss, std::less_equal<>());
  summary.best_validation_accuracy = best(epochs.validation_accuracy, std::greater_equal<>());
  summary.gradient_noise_scale = gradient_noise_scale(epochs);
  if (trial.training.target) {
    summary.time_to_target = first_time_at_target(epochs, *trial.training.target).value_or(kNotANumber);
  }
}

void compare_with_baseline(std::span<TrialRecord> trials, const GroupRecord& rounds, bool interleaved) {
  const auto baseline = std::ranges::find_if(trials, &TrialRecord::is_baseline);
  if (baseline == trials.end()) return;
  const std::vector<double> baseline_times = column_of(rounds, rounds.step_time, baseline->id);
  const std::vector<double> twin_times = column_of(rounds, rounds.step_time, twin_id(baseline->id));
  for (TrialRecord& record : trials) {
    const std::vector<double> times = column_of(rounds, rounds.step_time, record.id);
    if (times.empty() || baseline_times.empty()) continue;
    const RatioEstimate estimate =
        paired_ratio(time_per_sample(baseline_times, *baseline), time_per_sample(times, record), rounds.process);
    record.summary.speed_ratio = estimate.ratio;
    if (!twin_times.empty()) record.summary.noise_floor = noise_floor(baseline_times, twin_times, rounds.process);
    if (!interleaved || &record == &*baseline) continue;  // blocks that did not alternate share no rounds
    record.summary.speed_ratio_low = estimate.low;
    record.summary.speed_ratio_high = estimate.high;
  }
}

}  // namespace stepbench
