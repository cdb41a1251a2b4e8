// What a measurement can find, held against rounds drawn by another generator and judged by the verdict itself.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

#include "core/detection.hpp"

namespace stepbench {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
using Times = std::vector<double>;

struct Measured {
  Times baseline, rival, twin;
  [[nodiscard]] SpeedEvidence evidence() const { return {paired_ratio(baseline, rival), noise_floor(baseline, twin)}; }
  [[nodiscard]] RoundNoise noise() const { return round_noise(baseline, rival, twin); }
};

/// `rival` is that share faster; each has lognormal noise of its own, alike from round to round by `correlation`.
Measured measure(std::mt19937_64& random, int rounds, double difference, double noise, double correlation = 0) {
  std::normal_distribution<double> normal;
  double state[3] = {normal(random), normal(random), normal(random)};
  Measured measured;
  for (int round = 0; round < rounds; ++round) {
    measured.baseline.push_back(std::exp(noise * state[0]));
    measured.rival.push_back(std::exp(noise * state[1]) / (1 + difference));
    measured.twin.push_back(std::exp(noise * state[2]));
    for (double& value : state) {
      value = correlation * value + std::sqrt(1 - correlation * correlation) * normal(random);
    }
  }
  return measured;
}

bool finds(const Measured& measured) { return speed_verdict(measured.evidence(), 0) == SpeedVerdict::faster; }

/// Of 1000 measurements.
int found(std::mt19937_64& random, int rounds, double difference, double noise, double correlation) {
  int count = 0;
  for (int i = 0; i < 1000; ++i) count += finds(measure(random, rounds, difference, noise, correlation)) ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("what is said to be detectable is found as often as was asked for") {
  const double power = GENERATE(0.5, 0.9), correlation = GENERATE(0.0, 0.4);
  CAPTURE(power, correlation);
  std::mt19937_64 random(3);
  // So many rounds know their own variance.
  const RoundNoise noise = measure(random, 4000, 0, 0.02, correlation).noise();
  const double difference = detectable(noise, 40, 1, power);
  const int times = found(random, 40, difference, 0.02, correlation);
  CHECK(times > 1000 * power - 50);
  CHECK(times < 1000 * power + 50);
}
TEST_CASE("of plans from twelve rounds most have the power that they promise, on average and more") {
  std::mt19937_64 random(4);
  int times = 0;
  for (int i = 0; i < 30; ++i) {
    const auto rounds = static_cast<int>(rounds_to_detect(measure(random, 12, 0, 0.02).noise(), 0.03, 1, 0.9));
    REQUIRE(rounds > 8);
    for (int run = 0; run < 33; ++run) times += finds(measure(random, rounds, 0.03, 0.02)) ? 1 : 0;
  }
  CHECK(times >= 891);  // 0.9 of them
  CHECK(times < 990);
}
TEST_CASE("where there is no difference a planned run finds one in few cases") {
  std::mt19937_64 random(5);
  CHECK(found(random, 40, 0, 0.02, 0) < 50);
}
TEST_CASE("a planned number of rounds finds the difference and one fewer does not") {
  const RoundNoise noise{0.02, 0.1, 0.02, 0, 0.5, 0};
  const std::int64_t rounds = rounds_to_detect(noise, 0.015, 1, 0.9);
  CHECK(detectable(noise, rounds, 1, 0.9) <= 0.015);
  CHECK(detectable(noise, rounds - 1, 1, 0.9) > 0.015);
}
TEST_CASE("more comparisons, more noise and a twin that stands off ask for more") {
  const RoundNoise noise{0.02, 0, 0.02, 0, 0.5, 0};
  RoundNoise noisy = noise, off = noise;
  noisy.deviation = 0.04;
  off.standing = 0.01;
  const double usual = detectable(noise, 30, 1, 0.9);
  CHECK(detectable(noise, 30, 60, 0.9) > usual);
  CHECK(detectable(noisy, 30, 1, 0.9) > usual);
  CHECK(detectable(off, 30, 1, 0.9) > usual);
}
TEST_CASE("no number of rounds finds what a standing difference of the twin covers") {
  CHECK(rounds_to_detect({0.01, 0, 0.01, 0, 0.5, 0.03}, 0.02, 1, 0.9) == 0);
}
TEST_CASE("a pilot of fewer than eight rounds knows no noise, and one without a twin needs none") {
  std::mt19937_64 random(6);
  CHECK(std::isnan(measure(random, 7, 0, 0.02).noise().deviation));
  Measured alone = measure(random, 12, 0, 0.02);
  const RoundNoise with = alone.noise();
  alone.twin.clear();
  CHECK(std::isnan(alone.noise().twin_deviation));
  CHECK(detectable(alone.noise(), 30, 1, 0.9) <= detectable(with, 30, 1, 0.9));
}
TEST_CASE("a run's own smallest difference is close to what rounds like its would find") {
  std::mt19937_64 random(10);
  double mean = 0;
  for (int i = 0; i < 200; ++i) mean += smallest_difference(measure(random, 40, 0, 0.02).evidence(), 1) / 200;
  const double told = detectable(measure(random, 4000, 0, 0.02).noise(), 40, 1, 0.9);
  CHECK(mean == Approx(told).epsilon(0.15));
  CHECK(std::isnan(smallest_difference({{1.1, 1.05, 1.15}, 0.01}, 1)));
}
TEST_CASE("among sixty comparisons a run could have found less") {
  std::mt19937_64 random(11);
  const SpeedEvidence evidence = measure(random, 12, 0, 0.02).evidence();
  CHECK(smallest_difference(evidence, 60) > smallest_difference(evidence, 1));
  CHECK(smallest_difference(evidence, 1, 0.99) > smallest_difference(evidence, 1));
  CHECK(smallest_difference({evidence.speed, 0.5}, 1) > 0.5);
  CHECK(smallest_difference({evidence.speed, kNaN}, 1) <= smallest_difference(evidence, 1));
}

}  // namespace stepbench
