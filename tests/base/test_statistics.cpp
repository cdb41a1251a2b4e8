// Statistics against hand-computed and scipy's answers.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "core/statistics.hpp"

namespace stepbench::testing {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Samples = std::vector<double>;

/// Ten pairs whose ratios scatter around 1.25, and what scipy.stats.t says of their logarithms.
const Samples kNoise = {0.01, -0.02, 0.005, 0.015, -0.01, 0.0, -0.015, 0.02, 0.03, -0.025};
constexpr double kRatio = 1.2512506252083853, kLow = 1.2350417394484197, kHigh = 1.267672238983274;

struct Pairs {
  Samples numerator, denominator;
};
Pairs planted(std::size_t count) {
  Pairs pairs;
  for (std::size_t i = 0; i < count; ++i) {
    pairs.denominator.push_back(0.001 * static_cast<double>(i + 1));  // a drift that pairing must take out
    pairs.numerator.push_back(pairs.denominator[i] * 1.25 * std::exp(kNoise[i]));
  }
  return pairs;
}
void check_planted(const RatioEstimate& estimate) {
  CHECK(estimate.ratio == Approx(kRatio).epsilon(1e-12));
  CHECK(estimate.low == Approx(kLow).epsilon(1e-12));
  CHECK(estimate.high == Approx(kHigh).epsilon(1e-12));
}

TEST_CASE("the median of an odd count is the middle value") { CHECK(median(Samples{5, 1, 3}) == 3); }
TEST_CASE("the median of an even count is the mean of the middle two") { CHECK(median(Samples{10, 1, 4, 2}) == 3); }
TEST_CASE("the median of one value is that value") { CHECK(median(Samples{7}) == 7); }
TEST_CASE("the median of ties is the tied value") { CHECK(median(Samples{2, 2, 9, 2, 1}) == 2); }
TEST_CASE("the median of no samples is NaN") { CHECK(std::isnan(median({}))); }
TEST_CASE("the median leaves its samples as they were") {
  const Samples samples = {3, 1, 2};
  (void)median(samples);
  CHECK(samples == Samples{3, 1, 2});
}

TEST_CASE("the lower quartile of so many samples is one of them, of few the smallest") {
  CHECK(lower_quartile(Samples{9, 1, 7, 3, 5}) == 3);
  CHECK(lower_quartile(Samples{9, 8, 7, 6, 5, 4, 3, 2, 1}) == 3);
  CHECK(lower_quartile(Samples{4, 2, 3}) == 2);
  CHECK(lower_quartile(Samples{7}) == 7);
}
TEST_CASE("the lower quartile of no samples is NaN") { CHECK(std::isnan(lower_quartile({}))); }

TEST_CASE("the median absolute deviation is unscaled") {
  CHECK(median_absolute_deviation(Samples{9, 1, 1, 2, 2, 4, 6}) == 1);  // deviations 7 1 1 0 0 2 4
}
TEST_CASE("the median absolute deviation of equal samples is 0") {
  CHECK(median_absolute_deviation(Samples{3, 3, 3, 3}) == 0);
}
TEST_CASE("the median absolute deviation of no samples is NaN") { CHECK(std::isnan(median_absolute_deviation({}))); }

TEST_CASE("a paired ratio finds a planted ratio and Student's interval") {
  const Pairs pairs = planted(10);
  check_planted(paired_ratio(pairs.numerator, pairs.denominator));
}

TEST_CASE("a paired ratio turned over is the inverse") {
  const Pairs pairs = planted(10);
  const RatioEstimate estimate = paired_ratio(pairs.denominator, pairs.numerator);
  check_planted({1 / estimate.ratio, 1 / estimate.high, 1 / estimate.low});
}

TEST_CASE("a paired ratio leaves out pairs that are not finite and positive") {
  Pairs pairs = planted(10);
  for (const double bad : {kNaN, kInfinity, 0.0, -1.0}) {
    pairs.numerator.push_back(bad);
    pairs.denominator.push_back(1);
    pairs.numerator.push_back(1);
    pairs.denominator.push_back(bad);
  }
  pairs.numerator.push_back(-1);
  pairs.denominator.push_back(-1);
  check_planted(paired_ratio(pairs.numerator, pairs.denominator));
}

TEST_CASE("eight pairs make an interval and seven do not") {
  const Pairs eight = planted(8), seven = planted(7);
  const RatioEstimate with_interval = paired_ratio(eight.numerator, eight.denominator);
  const RatioEstimate without = paired_ratio(seven.numerator, seven.denominator);
  CHECK(with_interval.low < with_interval.ratio);
  CHECK(with_interval.ratio < with_interval.high);
  CHECK(without.ratio == Approx(1.25).epsilon(0.02));
  CHECK(std::isnan(without.low));
  CHECK(std::isnan(without.high));
}

TEST_CASE("pairs left out do not count towards the eight") {
  Pairs pairs = planted(8);
  pairs.numerator[3] = kNaN;
  CHECK(std::isnan(paired_ratio(pairs.numerator, pairs.denominator).low));
}

TEST_CASE("equal pairs give a ratio of 1 and an interval of no width") {
  const Samples ties(9, 0.25);
  const RatioEstimate estimate = paired_ratio(ties, ties);
  CHECK(estimate.ratio == 1);
  CHECK(estimate.low == 1);
  CHECK(estimate.high == 1);
}

TEST_CASE("a paired ratio of no pairs is NaN") {
  const RatioEstimate estimate = paired_ratio({}, {});
  CHECK(std::isnan(estimate.ratio));
  CHECK(std::isnan(estimate.low));
  CHECK(std::isnan(estimate.high));
}

}  // namespace
}  // namespace stepbench::testing
