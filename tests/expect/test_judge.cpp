// Verdicts on planted samples. Intervals are held against tables: t of 4 degrees of freedom is 2.132 one-sided at 95%
// and 2.776 two-sided.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "core/expect/judge.hpp"

namespace stepbench::testing {
namespace {

using Verdict = ExpectationVerdict;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Sample by_seed(const std::vector<double>& values, int first = 1) {
  Sample sample;
  for (std::size_t i = 0; i < values.size(); ++i) sample[std::to_string(first + static_cast<int>(i))] = values[i];
  return sample;
}

Allowed at_least(double low) { return {low, kInfinity}; }
Allowed at_most(double high) { return {-kInfinity, high}; }

const Sample kFive = by_seed({0.8, 0.9, 1.0, 1.1, 1.2});  // mean 1, standard error 0.0707

}  // namespace

TEST_CASE("all of a mean's interval inside, outside, or neither") {
  const double half = 2.1318 * std::sqrt(0.025 / 5);
  CHECK(judge_mean(kFive, at_least(1 - half - 0.001), 1).verdict == Verdict::reproduced);
  CHECK(judge_mean(kFive, at_least(1 - half + 0.001), 1).verdict == Verdict::cannot_tell);
  CHECK(judge_mean(kFive, at_least(1 + half - 0.001), 1).verdict == Verdict::cannot_tell);
  CHECK(judge_mean(kFive, at_least(1 + half + 0.001), 1).verdict == Verdict::not_reproduced);
  CHECK(judge_mean(kFive, at_most(1 + half + 0.001), 1).verdict == Verdict::reproduced);
  CHECK(judge_mean(kFive, at_most(1 - half - 0.001), 1).verdict == Verdict::not_reproduced);
  const Judgement judgement = judge_mean(kFive, at_least(0), 1);
  CHECK(judgement.value == Approx(1));
  CHECK(judgement.low == Approx(1 - half).epsilon(1e-4));
  CHECK(judgement.high == Approx(1 + half).epsilon(1e-4));
  CHECK(judgement.runs == 5);
}

TEST_CASE("a range is held against an interval of 95% between both ends") {
  const double half = 2.7764 * std::sqrt(0.025 / 5);
  CHECK(judge_mean(kFive, {1 - half - 0.001, 1 + half + 0.001}, 1).verdict == Verdict::reproduced);
  CHECK(judge_mean(kFive, {1 - half + 0.001, 2}, 1).verdict == Verdict::cannot_tell);
}

TEST_CASE("what cannot be told says what would tell") {
  CHECK_THAT(judge_mean(kFive, at_least(1), 1).why, Catch::Contains("spread over 5 runs is too large: more seeds"));
}

TEST_CASE("one run is judged by its value alone") {
  CHECK(judge_mean(by_seed({1}), at_least(1), 1).verdict == Verdict::reproduced);
  CHECK(judge_mean(by_seed({0.999}), at_least(1), 1).verdict == Verdict::not_reproduced);
}

TEST_CASE("outside in one of many comparisons may be chance") {
  const Judgement judgement = judge_mean(kFive, at_least(1.17), 20);
  CHECK(judge_mean(kFive, at_least(1.17), 1).verdict == Verdict::not_reproduced);
  CHECK(judgement.verdict == Verdict::cannot_tell);
  CHECK_THAT(judgement.why, Catch::Contains("one of 20 comparisons"));
  CHECK(judge_mean(kFive, at_least(2), 20).verdict == Verdict::not_reproduced);
}

TEST_CASE("a number without bound is judged in words where all runs agree") {
  CHECK(judge_mean(by_seed({kInfinity, kInfinity}), at_most(5), 1).verdict == Verdict::not_reproduced);
  CHECK(judge_mean(by_seed({kInfinity, kInfinity}), at_least(5), 1).verdict == Verdict::reproduced);
  CHECK(judge_mean(by_seed({10, kInfinity}), at_least(5), 1).verdict == Verdict::reproduced);
  CHECK(judge_mean(by_seed({10, kInfinity}), at_most(5), 1).verdict == Verdict::not_reproduced);
  CHECK(judge_mean(by_seed({1, kInfinity}), at_most(5), 1).verdict == Verdict::cannot_tell);
  CHECK(judge_mean(by_seed({1, kNaN}), at_most(5), 1).verdict == Verdict::cannot_tell);
  CHECK(judge_mean({}, at_most(5), 1).verdict == Verdict::cannot_tell);
}

TEST_CASE("sides with the same seeds are paired") {
  const Sample first = by_seed({1.1, 2.1, 3.1, 4.1}), second = by_seed({1, 2, 3, 4});
  CHECK(judge_difference(first, second, at_most(0.11), 1).verdict == Verdict::reproduced);
  CHECK(judge_difference(first, by_seed({1, 2, 3, 4}, 11), at_most(0.11), 1).verdict == Verdict::cannot_tell);
}

TEST_CASE("sides without common seeds have Welch's interval") {
  // Variances 1 and 4 of 3 runs each: error sqrt(5/3), 25 / (1 + 16) * 2 = 2.94 degrees.
  const Judgement judgement = judge_difference(by_seed({9, 10, 11}), by_seed({-2, 0, 2}, 11), at_least(0), 1);
  CHECK(judgement.value == Approx(10));
  CHECK(judgement.low == Approx(10 - 2.373 * std::sqrt(5.0 / 3)).epsilon(2e-3));
  CHECK(judgement.runs == 3);
}

TEST_CASE("a side of one run has the other side's spread") {
  const Judgement judgement = judge_difference(by_seed({10}), by_seed({-2, 0, 2}, 11), at_least(0), 1);
  CHECK(judgement.low == Approx(10 - 2.920 * std::sqrt(4 * (1 + 1.0 / 3))).epsilon(1e-3));
}

TEST_CASE("a ratio is one of geometric means, and of no numbers below zero") {
  CHECK(judge_ratio(by_seed({2, 8}), by_seed({1, 4}), {1.999, 2.001}, 1).verdict == Verdict::reproduced);
  CHECK(judge_ratio(by_seed({2, 8}), by_seed({1, 4}), at_most(1.9), 1).verdict == Verdict::not_reproduced);
  CHECK(judge_ratio(by_seed({2, 8}), by_seed({1, 4}), at_least(-1), 1).verdict == Verdict::reproduced);
  CHECK(judge_ratio(by_seed({-2}), by_seed({1}), at_most(5), 1).verdict == Verdict::cannot_tell);
  CHECK(judge_ratio(by_seed({kInfinity}), by_seed({100}), at_least(2), 1).verdict == Verdict::reproduced);
  CHECK(judge_ratio(by_seed({kInfinity}), by_seed({kInfinity}), at_least(2), 1).verdict == Verdict::cannot_tell);
}

TEST_CASE("a spread has the interval of chi-squared, a ratio of two that of F") {
  Spread spread;
  spread.add(std::vector<double>{1, 2, 3, 4, 5});  // variance 2.5; chi-squared of 4 at 5% and 95%: 0.711, 9.488
  const Judgement judgement = judge_spread(spread, at_least(0), 1);
  CHECK(judgement.value == Approx(std::sqrt(2.5)));
  CHECK(judgement.low == Approx(std::sqrt(10 / 9.488)).epsilon(1e-3));
  CHECK(judgement.high == Approx(std::sqrt(10 / 0.711)).epsilon(1e-3));
  const Judgement ratio = judge_spread_ratio(spread, spread, at_least(0), 1);  // F of 4, 4 at 95%: 6.388
  CHECK(ratio.low == Approx(std::sqrt(1 / 6.388)).epsilon(1e-3));
  CHECK(ratio.high == Approx(std::sqrt(6.388)).epsilon(1e-3));
}

TEST_CASE("a spread over one run, or without any, cannot be told") {
  Spread one, none;
  one.add(std::vector<double>{1});
  none.add(std::vector<double>{1, 1});
  CHECK(none.degrees() == 1);
  CHECK(judge_spread(one, at_least(0), 1).verdict == Verdict::cannot_tell);
  CHECK(judge_spread_ratio(none, none, at_least(0), 1).verdict == Verdict::cannot_tell);
}

TEST_CASE("spreads about different means are pooled") {
  Spread spread;
  spread.add(std::vector<double>{1, 3});
  spread.add(std::vector<double>{101, 103});
  CHECK(spread.variance() == Approx(2));
  CHECK(spread.degrees() == 2);
}

TEST_CASE("samples of different variances count for fewer degrees of freedom than they have together") {
  Spread spread;
  spread.add(std::vector<double>{1, 2, 3});
  spread.add(std::vector<double>{0, 10, 20, 30});
  spread.add(std::vector<double>{5, 7});
  spread.add(std::vector<double>{100});  // alone, it says nothing of a spread
  // Variances 1, 500/3, 2 of 2, 3, 1 degrees: 504 / 6, and 504^2 / (2^2 / 4 + 500^2 / 5 + 2^2 / 3) - 2. The interval is
  // scipy's: sqrt(df * 84 / scipy.stats.chi2.ppf((0.95, 0.05), df)).
  const Judgement judgement = judge_spread(spread, at_least(0), 1);
  CHECK(spread.variance() == Approx(84));
  CHECK(spread.degrees() == Approx(3.080082929463291));
  CHECK(judgement.low == Approx(5.703645146381214));
  CHECK(judgement.high == Approx(26.19341435682863));
}

TEST_CASE("a spread rests on the runs of all samples that have one, a ratio of two on the smaller side's") {
  Spread spread, four;
  spread.add(std::vector<double>{1, 3});
  spread.add(std::vector<double>{101, 103, 105});
  spread.add(std::vector<double>{7});
  four.add(std::vector<double>{1, 2, 4, 5});
  CHECK(judge_spread(spread, at_least(0), 1).runs == 5);
  CHECK(judge_spread_ratio(spread, four, at_least(0), 1).runs == 4);
}

TEST_CASE("lines cross where one comes from below the other") {
  const std::vector<double> along = {1, 2, 4};
  const auto at = [&along](std::vector<double> first, std::vector<double> second) {
    return crossing_of(along, first, second);
  };
  CHECK(at({0, 0, 0}, {-1, -1, 1}) == 3.0);
  CHECK(at({1, 0, -1}, {0, 0, 0}) == 2.0);
  CHECK_FALSE(at({1, 0, 1}, {0, 0, 0}).has_value());
  CHECK_FALSE(at({1, 1, 1}, {1, 1, 1}).has_value());
}

TEST_CASE("of true claims at their very bound one in twenty is called not reproduced, at most") {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    const Sample sample = by_seed({normal(random), normal(random), normal(random), normal(random)});
    if (judge_mean(sample, at_least(0), 1).verdict == Verdict::not_reproduced) ++refused;
  }
  CHECK(refused > 60);  // else it is never said
  CHECK(refused < 140);
}

}  // namespace stepbench::testing
