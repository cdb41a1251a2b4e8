// How far the gradients of samples differ, as the micro-batches of a step tell it (McCandlish et al., "An Empirical
// Model of Large-Batch Training", 2018, App. A.1).
#pragma once

#include <cstdint>
#include <limits>

namespace stepbench {

/// Unbiased estimates, of samples drawn at random. NaN: there were not two micro-batches to compare.
struct GradientMoments {
  double square = std::numeric_limits<double>::quiet_NaN();    // |G|^2 of the gradient G of all data; may be below 0
  double variance = std::numeric_limits<double>::quiet_NaN();  // tr(S): one sample's gradient's, over all parameters
};

/// The moments of a step whose batch is the sum of micro-batches, which need not be of one size. A mean over n samples
/// has the expected square |G|^2 + tr(S) / n. So the mean squares between and within micro-batches tell both, as in an
/// analysis of variance; where all are of one size, that is what the paper has.
class GradientMomentSums {
 public:
  /// A micro-batch of so many samples, whose mean gradient has this sum of squares.
  void add(double samples, double square);
  /// `square`: of the mean gradient of all that was added.
  [[nodiscard]] GradientMoments moments(double square) const;

 private:
  std::int64_t count_ = 0;
  double samples_ = 0;
  double weighted_squares_ = 0;  // each times its samples
};

}  // namespace stepbench
