#include "core/detection.hpp"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "core/false_discoveries.hpp"
#include "core/random.hpp"
#include "core/sequence_mean.hpp"
#include "core/statistics.hpp"

namespace stepbench {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kConfidenceInVariance = 0.8;
constexpr std::uint64_t kSimulations = 1000;  // a power of 0.9 is then known to 0.01
constexpr std::uint64_t kSeed = 1;            // the same draws for every plan

/// Of one of so many comparisons.
double needed_probability(std::size_t comparisons) {
  return 1 - kFalseDiscoveryRate / 2 / static_cast<double>(std::max<std::size_t>(1, comparisons));
}

/// Logarithms of numerator[i] / denominator[i] where both can be used.
std::vector<double> log_ratios(std::span<const double> numerator, std::span<const double> denominator) {
  std::vector<double> logs;
  for (std::size_t i = 0; i < std::min(numerator.size(), denominator.size()); ++i) {
    const double ratio = std::log(numerator[i] / denominator[i]);
    if (numerator[i] > 0 && denominator[i] > 0 && std::isfinite(ratio)) logs.push_back(ratio);
  }
  return logs;
}

/// Of single values, at the upper end of its confidence interval.
double cautious_deviation(const SequenceMean& of) {
  const double single = of.error * std::sqrt(of.effective);
  const boost::math::chi_squared spread(of.degrees);
  return single * std::sqrt(of.degrees / boost::math::quantile(spread, 1 - kConfidenceInVariance));
}

/// Of the pairs of a round; 0 where the two do not vary, or do not count in the same rounds.
double correlation(std::span<const double> first, std::span<const double> second) {
  if (first.size() != second.size()) return 0;
  const double mean = sequence_mean(first).mean, other_mean = sequence_mean(second).mean;
  double product = 0, squares = 0, other_squares = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    product += (first[i] - mean) * (second[i] - other_mean);
    squares += (first[i] - mean) * (first[i] - mean);
    other_squares += (second[i] - other_mean) * (second[i] - other_mean);
  }
  return squares > 0 && other_squares > 0 ? product / std::sqrt(squares * other_squares) : 0;
}

/// Draws `count` rounds of the comparison, without a difference, and of the twin.
struct DrawnRounds {
  std::vector<double> ratio, twin;  // logarithms
  DrawnRounds(const RoundNoise& noise, std::int64_t count, std::uint64_t simulation) {
    RandomStream stream(kSeed, Purpose::planned_rounds, simulation);
    const bool has_twin = !std::isnan(noise.twin_deviation);
    const double apart = std::sqrt(std::max(0.0, 1 - noise.together * noise.together));
    double own = 0, of_twin = 0;
    for (std::int64_t round = 0; round < count; ++round) {
      const double first = stream.normal(), second = noise.together * first + apart * stream.normal();
      own = next(own, first, noise.correlation, round == 0);
      ratio.push_back(noise.deviation * own);
      if (!has_twin) continue;
      of_twin = next(of_twin, second, noise.twin_correlation, round == 0);
      twin.push_back(noise.standing + noise.twin_deviation * of_twin);
    }
  }

 private:
  /// Of an autoregressive sequence of variance 1.
  static double next(double before, double drawn, double correlation, bool is_first) {
    return is_first ? drawn : correlation * before + std::sqrt(1 - correlation * correlation) * drawn;
  }
};

/// The logarithm of the difference with which these rounds would have found it.
double needed_difference(const DrawnRounds& rounds, double probability) {
  const SequenceMean ratio = sequence_mean(rounds.ratio);
  double limit = t_quantile(probability, ratio.degrees) * ratio.error;
  if (!rounds.twin.empty()) {
    const SequenceMean twin = sequence_mean(rounds.twin);
    limit = std::max(limit, std::abs(twin.mean) + t_quantile(needed_probability(1), twin.degrees) * twin.error);
  }
  return limit - ratio.mean;
}

}  // namespace

double smallest_difference(const SpeedEvidence& evidence, std::size_t comparisons, double power) {
  const auto& [error, degrees] = std::pair(evidence.speed.log_error, evidence.speed.degrees);
  if (std::isnan(error)) return kNaN;
  double limit = t_quantile(needed_probability(comparisons), degrees) * error;
  if (!std::isnan(evidence.noise_floor)) limit = std::max(limit, std::log1p(evidence.noise_floor));
  return std::expm1(limit + t_quantile(power, degrees) * error);
}

RoundNoise round_noise(std::span<const double> baseline, std::span<const double> rival, std::span<const double> twin) {
  const std::vector<double> ratios = log_ratios(baseline, rival), twins = log_ratios(baseline, twin);
  RoundNoise noise{kNaN, 0, kNaN, 0, 0, 0};
  if (ratios.size() < kMinimumPairs) return noise;
  const SequenceMean ratio = sequence_mean(ratios);
  noise.deviation = cautious_deviation(ratio);
  noise.correlation = ratio.correlation;
  if (twins.size() < kMinimumPairs) return noise;
  const SequenceMean of_twin = sequence_mean(twins);
  noise.twin_deviation = cautious_deviation(of_twin);
  noise.twin_correlation = of_twin.correlation;
  noise.together = correlation(ratios, twins);
  const bool is_sure = std::abs(of_twin.mean) > t_quantile(needed_probability(1), of_twin.degrees) * of_twin.error;
  noise.standing = is_sure ? of_twin.mean : 0;
  return noise;
}

double detectable(const RoundNoise& noise, std::int64_t rounds, std::size_t comparisons, double power) {
  if (std::isnan(noise.deviation)) return kNaN;
  if (rounds < static_cast<std::int64_t>(kMinimumPairs)) return std::numeric_limits<double>::infinity();
  std::vector<double> needed;
  for (std::uint64_t i = 0; i < kSimulations; ++i) {
    needed.push_back(needed_difference({noise, rounds, i}, needed_probability(comparisons)));
  }
  const auto enough = needed.begin() + static_cast<std::ptrdiff_t>(std::ceil(power * kSimulations)) - 1;
  std::nth_element(needed.begin(), enough, needed.end());
  return std::expm1(std::max(0.0, *enough));
}

std::int64_t rounds_to_detect(const RoundNoise& noise, double difference, std::size_t comparisons, double power) {
  const auto finds = [&](std::int64_t rounds) { return detectable(noise, rounds, comparisons, power) <= difference; };
  std::int64_t most = kMinimumPairs;
  while (!finds(most)) {
    if (most >= kMostPlannedRounds) return 0;
    most = std::min(2 * most, kMostPlannedRounds);
  }
  std::int64_t too_few = most == static_cast<std::int64_t>(kMinimumPairs) ? most - 1 : most / 2;
  while (most - too_few > 1) {
    const std::int64_t middle = (too_few + most) / 2;
    (finds(middle) ? most : too_few) = middle;
  }
  return most;
}

}  // namespace stepbench
