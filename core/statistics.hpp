// Robust statistics on raw samples.
#pragma once

#include <span>

namespace stepbench {

/// Middle value (mean of the two middle ones for an even count); NaN for no samples.
[[nodiscard]] double median(std::span<const double> samples);

/// Median absolute deviation from the median, unscaled; NaN for no samples.
[[nodiscard]] double median_absolute_deviation(std::span<const double> samples);

/// A ratio with its 95% confidence interval.
struct RatioEstimate {
  double ratio;      // geometric mean of the pairs' ratios; NaN for no pairs
  double low, high;  // NaN with fewer than kMinimumPairs pairs: no verdict
};
inline constexpr std::size_t kMinimumPairs = 8;

/// Paired ratio numerator[i] / denominator[i] over the pairs in which both are finite and positive: Student's t
/// interval of the mean log ratio, exponentiated. The spans are equally long.
[[nodiscard]] RatioEstimate paired_ratio(std::span<const double> numerator, std::span<const double> denominator);

}  // namespace stepbench
