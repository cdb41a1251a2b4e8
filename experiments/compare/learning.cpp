#include "experiments/compare/learning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/math/statistics/univariate_statistics.hpp>
#include <cmath>

namespace stepbench::compare {
namespace {

struct Metric {
  const char* name;
  double TrialSummary::*member;
  bool is_accuracy;  // higher is better, and the margin is the accuracy's
};
constexpr std::array kMetrics = {Metric{"final_train_loss", &TrialSummary::final_train_loss, false},
                                 Metric{"best_validation_loss", &TrialSummary::best_validation_loss, false},
                                 Metric{"best_validation_accuracy", &TrialSummary::best_validation_accuracy, true}};

bool diverged(const TrialRecord& trial) { return trial.status == Status::diverged; }

Parting find_parting(const TrialPair& pair, double tolerance) {
  const std::vector<double>&a = pair.trial->steps.train_loss, &b = pair.baseline->steps.train_loss;
  Parting parting{pair.trial->seed, !a.empty() && !b.empty()};
  if (!parting.known) return parting;
  const std::size_t common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i) {
    const bool lost = !std::isfinite(a[i]), baseline_lost = !std::isfinite(b[i]);
    const bool together = lost || baseline_lost
                              ? lost == baseline_lost
                              : std::abs(a[i] - b[i]) <= tolerance * std::max(std::abs(a[i]), std::abs(b[i]));
    if (together) continue;
    parting.step = static_cast<std::int64_t>(i);
    return parting;
  }
  if (a.size() != b.size()) parting.step = static_cast<std::int64_t>(common);
  return parting;
}

/// Bit for bit: the recorded losses, of the steps where they were recorded, else of the evaluations.
bool identical_curves(const TrialPair& pair) {
  const StepSeries &a = pair.trial->steps, &b = pair.baseline->steps;
  if (!a.train_loss.empty() || !b.train_loss.empty()) return a.train_loss == b.train_loss;
  return !pair.trial->epochs.train_loss.empty() && pair.trial->epochs.train_loss == pair.baseline->epochs.train_loss;
}

/// What is known of a match before any metric is looked at.
struct Curves {
  bool recorded, identical, coincide;  // in every pair
};

MetricRow judge(const Metric& metric, const Match& match, const Curves& curves, const LearningOptions& options) {
  std::vector<double> values, baselines;
  for (const TrialPair& pair : match.pairs) {
    const double value = pair.trial->summary.*metric.member, baseline = pair.baseline->summary.*metric.member;
    if (diverged(*pair.trial) || diverged(*pair.baseline) || !std::isfinite(value) || !std::isfinite(baseline)) {
      continue;
    }
    values.push_back(value);
    baselines.push_back(baseline);
  }
  MetricRow row{.metric = metric.name};
  row.difference = paired_difference(values, baselines);
  if (values.empty()) return row;
  namespace statistics = boost::math::statistics;
  row.value = statistics::mean(values);
  row.baseline_value = statistics::mean(baselines);
  if (baselines.size() > 1) row.baseline_spread = std::sqrt(statistics::sample_variance(baselines));
  const Margin& margin = metric.is_accuracy ? options.accuracy_margin : options.loss_margin;
  row.margin = margin.relative ? margin.value * std::abs(row.baseline_value) : margin.value;

  const DifferenceEstimate& difference = row.difference;
  const bool excludes_zero = difference.low > 0 || difference.high < 0;
  if (curves.identical && values == baselines) {
    row.verdict = LearningVerdict::same;
    row.why = "identical";
  } else if (difference.pairs < 2) {
    const bool same = curves.coincide && std::abs(difference.mean) <= row.margin;
    row.verdict = same ? LearningVerdict::same : LearningVerdict::cannot_tell;
    row.why = same ? "the curves coincide" : "one seed";
  } else if (difference.low >= -row.margin && difference.high <= row.margin) {
    row.verdict = LearningVerdict::same;
    row.why = excludes_zero ? "real, but inside the margin" : "inside the margin";
  } else if (excludes_zero) {
    row.verdict = LearningVerdict::different;
    row.worse = metric.is_accuracy ? difference.mean < 0 : difference.mean > 0;
    row.why = row.worse ? "worse" : "better";
  } else {
    row.why = "too few seeds for this spread";
  }
  return row;
}

/// Of all metrics together.
void conclude(LearningComparison& comparison, const Match& match, const Curves& curves) {
  comparison.verdict = LearningVerdict::cannot_tell;
  for (const TrialPair& pair : match.pairs) {
    if (diverged(*pair.trial) == diverged(*pair.baseline)) continue;
    comparison.verdict = LearningVerdict::different;
    comparison.worse = comparison.worse || diverged(*pair.trial);
    comparison.why = fmt::format("{}diverged with seed {}", diverged(*pair.trial) ? "" : "baseline ", pair.trial->seed);
    if (comparison.worse) return;
  }
  if (comparison.verdict == LearningVerdict::different) return;
  std::string unclear;
  bool all_same = !comparison.metrics.empty();
  for (const MetricRow& row : comparison.metrics) {
    all_same = all_same && row.verdict == LearningVerdict::same;
    if (row.verdict == LearningVerdict::cannot_tell && unclear.empty()) unclear = row.metric + ": " + row.why;
    if (row.verdict != LearningVerdict::different) continue;
    comparison.verdict = LearningVerdict::different;
    if (comparison.why.empty() || (row.worse && !comparison.worse)) comparison.why = row.metric + ": " + row.why;
    comparison.worse = comparison.worse || row.worse;
  }
  if (comparison.verdict == LearningVerdict::different) return;
  if (all_same) {
    comparison.verdict = LearningVerdict::same;
    comparison.why = curves.identical ? "identical" : curves.coincide ? "the curves coincide" : "inside the margins";
    return;
  }
  if (comparison.metrics.empty()) {
    comparison.why = "no losses to compare";
  } else if (match.pairs.size() > 1 || curves.coincide) {
    comparison.why = unclear;
  } else {
    comparison.why = curves.recorded ? "one seed, and the curves do not coincide" : "one seed, and no curves recorded";
  }
}

}  // namespace

std::string_view to_text(LearningVerdict verdict) {
  switch (verdict) {
    case LearningVerdict::same:
      return "same";
    case LearningVerdict::different:
      return "different";
    case LearningVerdict::cannot_tell:
      break;
  }
  return "cannot tell";
}

std::vector<LearningComparison> compare_learning(const Matching& matching, const LearningOptions& options) {
  std::vector<LearningComparison> comparisons;
  for (const Match& match : matching.matches) {
    LearningComparison& comparison =
        comparisons.emplace_back(LearningComparison{match.settings, match.trial, match.baseline});
    for (const TrialPair& pair : match.pairs) {
      comparison.seeds.push_back(pair.trial->seed);
      comparison.partings.push_back(find_parting(pair, options.loss_tolerance));
    }
    const Curves curves = {
        std::ranges::all_of(comparison.partings, &Parting::known), std::ranges::all_of(match.pairs, identical_curves),
        std::ranges::all_of(comparison.partings,
                            [](const Parting& parting) { return parting.known && !parting.step.has_value(); })};
    for (const Metric& metric : kMetrics) {
      MetricRow row = judge(metric, match, curves, options);
      if (row.difference.pairs > 0) comparison.metrics.push_back(std::move(row));
    }
    conclude(comparison, match, curves);
  }
  return comparisons;
}

}  // namespace stepbench::compare
