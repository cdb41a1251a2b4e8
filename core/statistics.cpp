#include "core/statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/statistics/univariate_statistics.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "core/process_mean.hpp"

namespace stepbench {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kUpperEnd = 0.5 + kConfidence / 2;

/// Student's t interval of the mean.
DifferenceEstimate mean_interval(const std::vector<double>& values) {
  if (values.empty()) return {kNaN, kNaN, kNaN, 0};
  const auto count = static_cast<double>(values.size());
  const double mean = boost::math::statistics::mean(values);
  if (values.size() < 2) return {mean, kNaN, kNaN, values.size()};
  const double half_width = half_width_of_mean(count) * std::sqrt(boost::math::statistics::sample_variance(values));
  return {mean, mean - half_width, mean + half_width, values.size()};
}

/// From the mean of its logarithm.
RatioEstimate ratio_of(double mean, double error, double degrees, std::size_t pairs) {
  if (pairs < kMinimumPairs) return {std::exp(mean), kNaN, kNaN, pairs};
  const double half_width = error == 0 ? 0 : t_quantile(kUpperEnd, degrees) * error;
  return {std::exp(mean), std::exp(mean - half_width), std::exp(mean + half_width), pairs, error, degrees};
}

std::vector<double> logarithms(std::span<const double> samples) {
  std::vector<double> logs;
  for (const double sample : samples) {
    if (sample > 0 && std::isfinite(sample)) logs.push_back(std::log(sample));
  }
  return logs;
}

/// Logarithms that can be used, and whose they are.
struct Logarithms {
  std::vector<double> values;
  std::vector<std::int64_t> processes;
  void add(double ratio, Processes of, std::size_t i) {
    const double log = std::log(ratio);
    if (!(ratio > 0) || !std::isfinite(log)) return;
    values.push_back(log);
    if (!of.empty()) processes.push_back(of[i]);
  }
  [[nodiscard]] ProcessMean mean() const { return process_mean(values, processes); }
};

Logarithms logarithms_of(std::span<const double> samples, Processes of) {
  Logarithms logs;
  for (std::size_t i = 0; i < samples.size(); ++i) logs.add(samples[i], of, i);
  return logs;
}

/// Where it differs from process to process, as much as its two samples do together.
double together(double first, double second) { return std::sqrt(first * first + second * second); }

}  // namespace

double median(std::span<const double> samples) {
  if (samples.empty()) return kNaN;
  std::vector<double> sorted(samples.begin(), samples.end());
  return boost::math::statistics::median(sorted);
}

double lower_quartile(std::span<const double> samples) {
  if (samples.empty()) return kNaN;
  std::vector<double> sorted(samples.begin(), samples.end());
  const auto quartile = sorted.begin() + (std::ssize(sorted) - 1) / 4;
  std::nth_element(sorted.begin(), quartile, sorted.end());
  return *quartile;
}

double median_absolute_deviation(std::span<const double> samples) {
  const double centre = median(samples);
  std::vector<double> deviations;
  deviations.reserve(samples.size());
  for (const double sample : samples) deviations.push_back(std::abs(sample - centre));
  return median(deviations);
}

double interquartile_range(std::span<const double> samples) {
  if (samples.empty()) return kNaN;
  std::vector<double> sorted(samples.begin(), samples.end());
  if (sorted.size() >= 3) return boost::math::statistics::interquartile_range(sorted);
  return std::abs(sorted.back() - sorted.front());  // Boost's needs three
}

double geometric_mean(std::span<const double> samples) {
  const std::vector<double> logs = logarithms(samples);
  return logs.empty() ? kNaN : std::exp(boost::math::statistics::mean(logs));
}

double t_quantile(double probability, double degrees) {
  return boost::math::quantile(boost::math::students_t(degrees), probability);
}

double half_width_of_mean(double count) { return t_quantile(kUpperEnd, count - 1) / std::sqrt(count); }

RatioEstimate paired_ratio(std::span<const double> numerator, std::span<const double> denominator,
                           Processes processes) {
  Logarithms logs;
  for (std::size_t i = 0; i < numerator.size(); ++i) {
    if (numerator[i] > 0 && denominator[i] > 0) logs.add(numerator[i] / denominator[i], processes, i);
  }
  const ProcessMean log_ratio = logs.mean();
  const auto& [mean, error, degrees, effective, correlation] = log_ratio.mean;
  RatioEstimate ratio = ratio_of(mean, error, degrees, logs.values.size());
  ratio.processes = log_ratio.processes;
  ratio.between = log_ratio.between;
  ratio.within = log_ratio.within;
  return ratio;
}

RatioEstimate unpaired_ratio(std::span<const double> numerator, std::span<const double> denominator,
                             Processes of_numerator, Processes of_denominator) {
  const Logarithms upper = logarithms_of(numerator, of_numerator), lower = logarithms_of(denominator, of_denominator);
  if (upper.values.empty() || lower.values.empty()) return {kNaN, kNaN, kNaN};
  const ProcessMean of_upper = upper.mean(), of_lower = lower.mean();
  const SequenceMean &above = of_upper.mean, &below = of_lower.mean;
  const double above_variance = above.error * above.error, below_variance = below.error * below.error;
  const double variance = above_variance + below_variance;
  // Welch-Satterthwaite; any number of degrees where both are constant.
  const double degrees =
      variance == 0
          ? above.degrees + below.degrees
          : variance * variance /
                (above_variance * above_variance / above.degrees + below_variance * below_variance / below.degrees);
  RatioEstimate ratio = ratio_of(above.mean - below.mean, std::sqrt(variance), degrees,
                                 std::min(upper.values.size(), lower.values.size()));
  ratio.processes = std::min(of_upper.processes, of_lower.processes);
  ratio.between = together(of_upper.between, of_lower.between);
  ratio.within = together(of_upper.within, of_lower.within);
  return ratio;
}

double p_value(const RatioEstimate& ratio) {
  if (std::isnan(ratio.log_error)) return kNaN;
  const double distance = std::abs(std::log(ratio.ratio));
  if (ratio.log_error == 0) return distance == 0 ? 1 : 0;
  const boost::math::students_t student(ratio.degrees);
  return 2 * boost::math::cdf(boost::math::complement(student, distance / ratio.log_error));
}

DifferenceEstimate paired_difference(std::span<const double> first, std::span<const double> second) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const double difference = first[i] - second[i];
    if (std::isfinite(difference)) differences.push_back(difference);
  }
  return mean_interval(differences);
}

double noise_floor(std::span<const double> original, std::span<const double> twin, Processes processes) {
  const RatioEstimate ratio = paired_ratio(twin, original, processes);
  if (std::isnan(ratio.low)) return kNaN;
  return std::max(1 / ratio.low, ratio.high) - 1;
}

}  // namespace stepbench
