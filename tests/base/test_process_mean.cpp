// Means over processes: known numbers, and that ratios of runs whose processes each have a speed of their own cover the
// truth as often as they say. Their Python twins are held to these numbers by tests/scripts.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/process_mean.hpp"
#include "core/statistics.hpp"

namespace stepbench {
namespace {

using Values = std::vector<double>;
using Of = std::vector<std::int64_t>;

constexpr int kRounds = 12;

/// Two arms of one speed. In each process each arm is off by an amount of its own, which all its rounds have; rounds
/// have noise besides.
struct TwoArms {
  Values first, second;
  Of processes;
  TwoArms(std::mt19937_64& random, int count, double between, double within) {
    std::normal_distribution<double> normal;
    for (std::int64_t process = 0; process < count; ++process) {
      const double off = between * normal(random), other_off = between * normal(random);
      for (int round = 0; round < kRounds; ++round) {
        first.push_back(std::exp(off + within * normal(random)));
        second.push_back(std::exp(other_off + within * normal(random)));
        processes.push_back(process);
      }
    }
  }
};

bool covers_one(const RatioEstimate& ratio) { return ratio.low <= 1 && 1 <= ratio.high; }

}  // namespace

TEST_CASE("the mean over processes is that of their means, with an error of as many degrees") {
  const ProcessMean of = process_mean(Values{0, 2, 3, 5, 5, 7}, Of{0, 0, 1, 1, 2, 2});
  CHECK(of.processes == 3);
  CHECK(of.mean.mean == Approx(11.0 / 3));
  CHECK(of.mean.error == Approx(std::sqrt(19.0 / 3 / 3)));  // of 1, 4, 6
  CHECK(of.mean.degrees == 2);
  CHECK(of.within == Approx(std::sqrt(2.0)));
  CHECK(of.between == Approx(std::sqrt((38.0 / 3 - 2) / 2)));  // mean squares 38/3 and 2, two values each
}
TEST_CASE("processes count alike, however many values each has") {
  const ProcessMean of = process_mean(Values{1, 1, 1, 1, 3}, Of{7, 7, 7, 7, 9});
  CHECK(of.mean.mean == Approx(2));
  CHECK(of.mean.degrees == 1);
}
TEST_CASE("means that differ no more than their values let them leave nothing between processes") {
  CHECK(process_mean(Values{0, 2, 2, 0}, Of{0, 0, 1, 1}).between == 0);
  CHECK(std::isnan(process_mean(Values{0, 2, 1}, Of{0, 1, 2}).within));  // a value each
}
TEST_CASE("one process is a sequence, named or not") {
  const Values values = {0.1, 0.3, 0.2, 0.25, 0.15, 0.3};
  for (const Of& processes : {Of{}, Of(6, 3)}) {
    const ProcessMean of = process_mean(values, processes);
    CHECK(of.processes == 1);
    CHECK(of.mean.error == sequence_mean(values).error);
    CHECK(std::isnan(of.between));
  }
}
TEST_CASE("rounds that do not count leave their process the others") {
  const Values own = {1, 2, 1, 2, 1, 2, 1, 2, std::numeric_limits<double>::quiet_NaN(), 0}, other(10, 1.0);
  const RatioEstimate ratio = paired_ratio(own, other, Of{0, 0, 0, 0, 1, 1, 1, 1, 1, 2});
  CHECK(ratio.pairs == 8);
  CHECK(ratio.processes == 2);
  CHECK(ratio.ratio == Approx(std::sqrt(2.0)));
  CHECK(ratio.degrees == 1);
  CHECK(std::isnan(paired_ratio(Values{1, 2, 1}, Values{1, 1, 1}, Of{0, 1, 2}).low));  // too few rounds in all
}

TEST_CASE(
    "where each process has a speed of its own, the pooled interval covers 1 in 95%, and that of all rounds does not") {
  const int processes = GENERATE(2, 3, 5, 10);
  // As much between processes as within one, as with two processes of numpy; then none, where the width must not lie.
  const double between = GENERATE(0.01, 0.03, 0.0);
  CAPTURE(processes, between);
  constexpr int kRuns = 4000;
  std::mt19937_64 random(20260103);
  int covered = 0, unpaired = 0, by_rounds = 0;
  for (int i = 0; i < kRuns; ++i) {
    const TwoArms arms(random, processes, between, 0.01);
    covered += covers_one(paired_ratio(arms.first, arms.second, arms.processes)) ? 1 : 0;
    unpaired += covers_one(unpaired_ratio(arms.first, arms.second, arms.processes, arms.processes)) ? 1 : 0;
    by_rounds += covers_one(paired_ratio(arms.first, arms.second)) ? 1 : 0;
  }
  const double four_errors = 4 * std::sqrt(0.95 * 0.05 / kRuns);
  CHECK(covered > kRuns * (0.95 - four_errors));
  CHECK(covered < kRuns * (0.95 + four_errors));
  CHECK(unpaired > kRuns * (0.95 - four_errors));    // Welch's degrees are fewer than these samples have, if anything
  if (between > 0) CHECK(by_rounds < 0.92 * kRuns);  // one sequence, whose neighbours are alike
}

TEST_CASE("the noise floor of several processes is that of their means") {
  std::mt19937_64 random(1);
  const TwoArms arms(random, 4, 0.03, 0.001);
  const RatioEstimate ratio = paired_ratio(arms.second, arms.first, arms.processes);
  CHECK(noise_floor(arms.first, arms.second, arms.processes) == Approx(std::max(1 / ratio.low, ratio.high) - 1));
  CHECK(noise_floor(arms.first, arms.second, arms.processes) > noise_floor(arms.first, arms.second));
}

}  // namespace stepbench
