// Robust statistics on raw samples, and what two samples say about each other: ratios and differences with intervals of
// Student's t, the noise floor. Not here: what is measured, which samples belong together, or a verdict.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace stepbench {

/// Middle value (mean of the two middle ones for an even count); NaN for no samples.
[[nodiscard]] double median(std::span<const double> samples);

/// The sample that a quarter of the others do not exceed (with fewer than five the smallest); NaN for no samples. For
/// times that others on the machine lengthen, and nothing shortens: the median is spoilt when they do half of the time.
[[nodiscard]] double lower_quartile(std::span<const double> samples);

/// Median absolute deviation from the median, unscaled; NaN for no samples.
[[nodiscard]] double median_absolute_deviation(std::span<const double> samples);

/// Distance between the medians of the upper and the lower half (the middle sample of an odd count is in neither);
/// NaN for no samples, 0 for one.
[[nodiscard]] double interquartile_range(std::span<const double> samples);

/// Of the samples that are finite and positive; NaN for none.
[[nodiscard]] double geometric_mean(std::span<const double> samples);

inline constexpr double kConfidence = 0.95;  // of the intervals

/// Quantile of Student's t distribution.
[[nodiscard]] double t_quantile(double probability, double degrees);

/// Half the width of the interval of a mean of `count` independent values, in their standard deviations.
[[nodiscard]] double half_width_of_mean(double count);

/// A ratio with its 95% confidence interval.
struct RatioEstimate {
  double ratio;           // of the geometric means; NaN for no samples
  double low, high;       // NaN with fewer than kMinimumPairs pairs
  std::size_t pairs = 0;  // that were usable; of samples that share no rounds, the fewer of the two
  /// Of the ratio's logarithm: its standard error, and that error's degrees of freedom. NaN where there is no interval,
  /// and where the interval was not made here.
  double log_error = std::numeric_limits<double>::quiet_NaN();
  double degrees = std::numeric_limits<double>::quiet_NaN();
  /// Processes that the samples were taken in; of several, the standard deviations of what a process is off by and of a
  /// round within it (process_mean.hpp), of the logarithm.
  std::size_t processes = 1;
  double between = std::numeric_limits<double>::quiet_NaN();
  double within = std::numeric_limits<double>::quiet_NaN();
};
inline constexpr std::size_t kMinimumPairs = 8;
/// Of each sample the process that took it; empty: one took all.
using Processes = std::span<const std::int64_t>;

/// Paired ratio numerator[i] / denominator[i] over the pairs in which both are finite and positive: Student's t
/// interval of the mean log ratio, exponentiated, wider where neighbouring pairs are alike (sequence_mean.hpp). The
/// spans are equally long, and in the order in which they were measured. Of several processes, whose speeds differ for
/// as long as each runs, it is the interval of the processes' means (process_mean.hpp).
[[nodiscard]] RatioEstimate paired_ratio(std::span<const double> numerator, std::span<const double> denominator,
                                         Processes processes = {});

/// Ratio of two samples that share no rounds, of the values that are finite and positive: Welch's t interval of the
/// difference of the mean logarithms, exponentiated, each sample's error that of a sequence. No interval when either
/// has fewer than kMinimumPairs values. Of several processes, as above.
[[nodiscard]] RatioEstimate unpaired_ratio(std::span<const double> numerator, std::span<const double> denominator,
                                           Processes of_numerator = {}, Processes of_denominator = {});

/// How likely a ratio as far from 1 is where there is no difference: Student's two-sided p of its logarithm, below 0.05
/// when the interval excludes 1. NaN where the error is.
[[nodiscard]] double p_value(const RatioEstimate& ratio);

/// A mean difference with its 95% confidence interval.
struct DifferenceEstimate {
  double mean;        // NaN for no pairs
  double low, high;   // NaN with fewer than two pairs
  std::size_t pairs;  // that were finite
};

/// Mean of first[i] - second[i] over the pairs in which both are finite, with Student's t interval. The spans are
/// equally long. Two pairs suffice (seeds are few): t with one degree of freedom is 12.7, and says so by its width.
[[nodiscard]] DifferenceEstimate paired_difference(std::span<const double> first, std::span<const double> second);

/// The noise floor f of an A/A measurement, `original` and `twin` being the same thing timed twice per round: a ratio
/// within 1/(1+f) .. 1+f may be noise, as the same thing differs from itself by as much, at the farther end of the 95%
/// interval. NaN with fewer than kMinimumPairs pairs. The spans are equally long.
[[nodiscard]] double noise_floor(std::span<const double> original, std::span<const double> twin,
                                 Processes processes = {});

}  // namespace stepbench
