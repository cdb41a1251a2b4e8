#include "core/statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <vector>

namespace stepbench {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kConfidence = 0.95;

}  // namespace

double median(std::span<const double> samples) {
  if (samples.empty()) return kNaN;
  std::vector<double> sorted(samples.begin(), samples.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  if (sorted.size() % 2 == 1) return *middle;
  return (*std::max_element(sorted.begin(), middle) + *middle) / 2;
}

double median_absolute_deviation(std::span<const double> samples) {
  const double centre = median(samples);
  std::vector<double> deviations;
  deviations.reserve(samples.size());
  for (const double sample : samples) deviations.push_back(std::abs(sample - centre));
  return median(deviations);
}

RatioEstimate paired_ratio(std::span<const double> numerator, std::span<const double> denominator) {
  std::vector<double> logs;
  for (std::size_t i = 0; i < numerator.size(); ++i) {
    const double log_ratio = std::log(numerator[i] / denominator[i]);
    if (numerator[i] > 0 && denominator[i] > 0 && std::isfinite(log_ratio)) logs.push_back(log_ratio);
  }
  if (logs.empty()) return {kNaN, kNaN, kNaN};
  const double count = static_cast<double>(logs.size());
  double sum = 0;
  for (const double value : logs) sum += value;
  const double mean = sum / count;
  if (logs.size() < kMinimumPairs) return {std::exp(mean), kNaN, kNaN};
  double squares = 0;
  for (const double value : logs) squares += (value - mean) * (value - mean);
  const double standard_error = std::sqrt(squares / (count - 1) / count);
  const boost::math::students_t distribution(count - 1);
  const double half_width = boost::math::quantile(distribution, 0.5 + kConfidence / 2) * standard_error;
  return {std::exp(mean), std::exp(mean - half_width), std::exp(mean + half_width)};
}

}  // namespace stepbench
