// Whether a trial learns the same as its baseline: seed-paired differences of what was reached, held against a margin,
// and the first step at which the training losses part.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/statistics.hpp"
#include "experiments/compare/match.hpp"

namespace stepbench::compare {

/// How large a difference is still none.
struct Margin {
  double value;
  bool relative;  // a fraction of the magnitude of the baseline's mean
};

struct LearningOptions {
  /// 1 % of the loss is less than what another seed changes in most trainings, and more than what the order of
  /// summation does.
  Margin loss_margin = {0.01, true};
  Margin accuracy_margin = {0.005, false};
  /// Relative, of the training losses of the same step.
  double loss_tolerance = 1e-3;
};

enum class LearningVerdict { same, different, cannot_tell };
[[nodiscard]] std::string_view to_text(LearningVerdict verdict);

/// One of final training loss, best validation loss, best validation accuracy.
struct MetricRow {
  std::string metric = {};                                                     // its name in /summary
  double value = kNotANumber, baseline_value = kNotANumber;                    // means over the seeds
  DifferenceEstimate difference = {kNotANumber, kNotANumber, kNotANumber, 0};  // value - baseline_value, by seed
  double baseline_spread = kNotANumber;  // standard deviation of the baseline over its seeds; NaN for one
  double margin = kNotANumber;           // absolute
  LearningVerdict verdict = LearningVerdict::cannot_tell;
  bool worse = false;  // different, and not for the better
  std::string why = {};
};

/// Where the training losses of a seed's two trials first differ by more than the tolerance, relative to the larger;
/// two that are both not finite go together.
struct Parting {
  std::uint64_t seed = 0;
  bool known = false;                     // both recorded their steps
  std::optional<std::int64_t> step = {};  // zero-based; nothing for never
};

struct LearningComparison {
  std::string settings, trial, baseline;  // as in Match
  std::vector<std::uint64_t> seeds = {};
  LearningVerdict verdict = LearningVerdict::cannot_tell;
  bool worse = false;
  std::string why = {};
  std::vector<Parting> partings = {};   // by seed
  std::vector<MetricRow> metrics = {};  // those that both have
};

/// scripts/stepbench_report/learned.py has the same rule; tests/compare holds the two together.
/// Per metric, with the 95% interval of the mean difference over at least two seeds:
/// - same: the interval lies inside the margin (two one-sided tests, at 2.5 % each);
/// - different: it excludes 0 and does not lie inside the margin;
/// - cannot tell: anything else.
/// With one seed there is no interval: same when the training losses never part and the difference is inside the
/// margin, else cannot tell. Of a match: different when any metric is, or when just one of trial and baseline diverged;
/// same when all are.
[[nodiscard]] std::vector<LearningComparison> compare_learning(const Matching& matching,
                                                               const LearningOptions& options);

}  // namespace stepbench::compare
