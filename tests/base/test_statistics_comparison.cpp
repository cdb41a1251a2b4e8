// Statistics that hold two samples against each other: known answers, and how often the intervals cover the truth.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/statistics.hpp"

namespace stepbench::testing {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
using Samples = std::vector<double>;

TEST_CASE("the interquartile range is between the medians of the halves") {
  CHECK(interquartile_range(Samples{7, 1, 5, 3, 8, 2, 6, 4}) == 4);     // 2.5 and 6.5
  CHECK(interquartile_range(Samples{9, 7, 1, 5, 3, 8, 2, 6, 4}) == 5);  // 5 is in neither half: 2.5 and 7.5
  CHECK(interquartile_range(Samples{6, 1, 5, 3, 2, 4}) == 3);           // 2 and 5
}
TEST_CASE("one outlier does not move the interquartile range") {
  CHECK(interquartile_range(Samples{7, 1, 5, 3, 1e9, 2, 6, 4}) == 4);
}
TEST_CASE("the interquartile range of few samples is their range") {
  CHECK(interquartile_range(Samples{4}) == 0);
  CHECK(interquartile_range(Samples{4, 1}) == 3);
  CHECK(interquartile_range(Samples{4, 2, 1}) == 3);
}
TEST_CASE("the interquartile range of equal samples is 0") { CHECK(interquartile_range(Samples(9, 2.5)) == 0); }
TEST_CASE("the interquartile range of no samples is NaN") { CHECK(std::isnan(interquartile_range({}))); }

/// The mean and scipy.stats.t's quantile times the standard error.
TEST_CASE("a paired difference has Student's interval") {
  const DifferenceEstimate difference = paired_difference(Samples{2.1, 1.9, 2.4, 2.2}, Samples{2.0, 2.0, 2.1, 2.0});
  CHECK(difference.mean == Approx(0.125).epsilon(1e-12));
  CHECK(difference.low == Approx(-0.14675308837964895).epsilon(1e-10));
  CHECK(difference.high == Approx(0.39675308837964895).epsilon(1e-10));
  CHECK(difference.pairs == 4);
}
TEST_CASE("a paired difference leaves out pairs that are not finite") {
  const DifferenceEstimate difference = paired_difference(Samples{1, kNaN, 3, 5}, Samples{0, 1, kNaN, 2});
  CHECK(difference.mean == 2);
  CHECK(difference.pairs == 2);
}
TEST_CASE("a paired difference of one pair has no interval, of none no mean") {
  const DifferenceEstimate one = paired_difference(Samples{3}, Samples{1}), none = paired_difference({}, {});
  CHECK(one.mean == 2);
  CHECK(std::isnan(one.low));
  CHECK(std::isnan(none.mean));
  CHECK(none.pairs == 0);
}
TEST_CASE("equal pairs differ by 0 with an interval of no width") {
  const DifferenceEstimate difference = paired_difference(Samples{0.1, 0.2, 0.3}, Samples{0.1, 0.2, 0.3});
  CHECK(difference.low == 0);
  CHECK(difference.high == 0);
}

/// Worked out with numpy and scipy.stats.t, of values whose neighbours are not alike.
TEST_CASE("an unpaired ratio has Welch's interval") {
  const Samples numerator = {1.2, 1.3, 1.25, 1.22, 1.9, 1.31, 1.27, 1.24, 1.26};
  const Samples denominator = {1.0, 1.02, 0.99, 1.01, 1.0, 0.98, 1.03, 1.0};
  const RatioEstimate estimate = unpaired_ratio(numerator, denominator);
  CHECK(estimate.ratio == Approx(1.3101260519304871).epsilon(1e-10));
  CHECK(estimate.low == Approx(1.1754302521523736).epsilon(1e-10));
  CHECK(estimate.high == Approx(1.4602570155089567).epsilon(1e-10));
}
TEST_CASE("an estimate says how many pairs it is of, an unpaired one the fewer of its samples") {
  CHECK(paired_ratio(Samples{2, 2, kNaN}, Samples{1, 1, 1}).pairs == 2);
  CHECK(unpaired_ratio(Samples(9, 2.0), Samples(20, 1.0)).pairs == 9);
}
TEST_CASE("the geometric mean leaves out what is not finite and positive, and is NaN of nothing") {
  CHECK(geometric_mean(Samples{1, 4, kNaN, 0, -1}) == Approx(2));
  CHECK(std::isnan(geometric_mean(Samples{kNaN})));
}
TEST_CASE("an unpaired ratio of fewer than eight values has no interval") {
  const RatioEstimate estimate = unpaired_ratio(Samples(7, 2.0), Samples(20, 1.0));
  CHECK(estimate.ratio == Approx(2));
  CHECK(std::isnan(estimate.low));
}
TEST_CASE("an unpaired ratio leaves out values that are not finite and positive") {
  Samples numerator(8, 3.0);
  numerator.insert(numerator.end(), {0, -1, kNaN, std::numeric_limits<double>::infinity()});
  CHECK(unpaired_ratio(numerator, Samples(9, 1.5)).high == Approx(2));
}

TEST_CASE("the noise floor is the interval's farther end, whichever of the twins was slower") {
  Samples original, twin;
  for (int i = 0; i < 10; ++i) {
    original.push_back(1 + 0.1 * i);
    twin.push_back(original.back() * (1.01 + 0.002 * (i % 2 == 0 ? 1 : -1)));
  }
  const RatioEstimate ratio = paired_ratio(twin, original);
  CHECK(noise_floor(original, twin) == Approx(ratio.high - 1).epsilon(1e-12));
  CHECK(noise_floor(twin, original) == Approx(ratio.high - 1).epsilon(1e-12));
}
TEST_CASE("the noise floor of equal twins is 0") { CHECK(noise_floor(Samples(8, 0.5), Samples(8, 0.5)) == 0); }
TEST_CASE("there is no noise floor of fewer than eight pairs") {
  CHECK(std::isnan(noise_floor(Samples(7, 1.0), Samples(7, 1.0))));
}

constexpr int kExperiments = 20000;

/// Share of simulated experiments whose interval holds the truth. `simulate(random)` says whether one's does.
template <typename Simulate>
double coverage(Simulate simulate) {
  std::mt19937_64 random(20260101);
  int covered = 0;
  for (int i = 0; i < kExperiments; ++i) covered += simulate(random) ? 1 : 0;
  return static_cast<double>(covered) / kExperiments;
}
void check_coverage(double share, double most = 0.97) {
  CHECK(share > 0.93);
  CHECK(share < most);
}
constexpr double kMostOfSequence = 0.98;  // of few values, which do not know that they are independent

/// Times of R rounds: a drift that both share, and lognormal noise of each.
struct Rounds {
  std::size_t count;
  template <typename Random>
  Samples draw(Random& random, double centre, double noise) const {
    std::normal_distribution<double> normal;
    Samples samples;
    for (std::size_t r = 0; r < count; ++r) samples.push_back(centre * std::exp(noise * normal(random)));
    return samples;
  }
};

TEST_CASE("the interval of a paired ratio covers the truth 95 times in 100") {
  const Rounds rounds{GENERATE(std::size_t{8}, std::size_t{12}, std::size_t{20})};
  CAPTURE(rounds.count);
  check_coverage(coverage([&](auto& random) {
                   const Samples drift = rounds.draw(random, 1, 0.2);
                   Samples slow = rounds.draw(random, 1.05, 0.03), fast = rounds.draw(random, 1, 0.02);
                   for (std::size_t r = 0; r < rounds.count; ++r) slow[r] *= drift[r], fast[r] *= drift[r];
                   const RatioEstimate estimate = paired_ratio(slow, fast);
                   return estimate.low <= 1.05 && 1.05 <= estimate.high;
                 }),
                 kMostOfSequence);
}
TEST_CASE("the interval of an unpaired ratio covers the truth 95 times in 100") {
  const Rounds rounds{GENERATE(std::size_t{8}, std::size_t{12}, std::size_t{20})};
  CAPTURE(rounds.count);
  check_coverage(coverage([&](auto& random) {
                   const RatioEstimate estimate =
                       unpaired_ratio(rounds.draw(random, 0.8, 0.1), Rounds{12}.draw(random, 1, 0.02));
                   return estimate.low <= 0.8 && 0.8 <= estimate.high;
                 }),
                 kMostOfSequence);
}
TEST_CASE("the interval of a paired difference covers the truth 95 times in 100") {
  const std::size_t seeds = GENERATE(std::size_t{3}, std::size_t{8}, std::size_t{12}, std::size_t{20});
  CAPTURE(seeds);
  check_coverage(coverage([&](auto& random) {
    std::normal_distribution<double> normal;
    Samples first, second;
    for (std::size_t s = 0; s < seeds; ++s) {
      second.push_back(0.5 + 0.1 * normal(random));
      first.push_back(second.back() + 0.01 + 0.02 * normal(random));
    }
    const DifferenceEstimate difference = paired_difference(first, second);
    return difference.low <= 0.01 && 0.01 <= difference.high;
  }));
}

}  // namespace
}  // namespace stepbench::testing
