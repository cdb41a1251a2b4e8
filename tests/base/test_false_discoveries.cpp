// Which of a table's comparisons may be told as differences.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

#include "core/false_discoveries.hpp"
#include "core/speed_verdict.hpp"

namespace stepbench {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
using Values = std::vector<double>;

/// Twelve rounds of a ratio with 1% of noise.
SpeedEvidence measured(std::mt19937_64& random, double ratio) {
  std::normal_distribution<double> noise(0, 0.01);
  Values times, baseline;
  for (int round = 0; round < 12; ++round) {
    baseline.push_back(std::exp(noise(random)));
    times.push_back(std::exp(noise(random)) / ratio);
  }
  return {paired_ratio(baseline, times), kNaN};
}

/// How many of the table are told as faster or slower, with no margin.
int told(std::vector<SpeedEvidence>& table, bool hold) {
  std::vector<SpeedEvidence*> rows;
  for (SpeedEvidence& row : table) rows.push_back(&row);
  if (hold) hold_false_discoveries(rows);
  int count = 0;
  for (const SpeedEvidence& row : table) count += speed_verdict(row, 0) == SpeedVerdict::cannot_tell ? 0 : 1;
  return count;
}

}  // namespace

TEST_CASE("the p-values of Benjamini and Hochberg's own example are told up to the fourth") {
  // Their 1995 paper, section 4: fifteen comparisons, of which Bonferroni's rule tells three.
  const Values p = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                    0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.000};
  const double largest = largest_p_value_told(p);
  CHECK(largest >= 0.0095);
  CHECK(largest < 0.0201);
}
TEST_CASE("one comparison is told below 0.05, and comparisons without a p-value do not count") {
  CHECK(largest_p_value_told(Values{0.5}) == Approx(0.05));
  CHECK(largest_p_value_told(Values{kNaN, 0.01, kNaN}) == Approx(0.05));
  CHECK(std::isnan(largest_p_value_told(Values{kNaN})));
}
TEST_CASE("a p-value is below 0.05 exactly where the interval excludes 1") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 200; ++i) {
    const RatioEstimate speed = measured(random, 1.01).speed;
    CAPTURE(speed.ratio, speed.low, speed.high);
    CHECK((p_value(speed) < 0.05) == (speed.low > 1 || speed.high < 1));
  }
}
TEST_CASE("of tables of sixty comparisons without a difference few tell any, and most would without the rule") {
  constexpr int kTables = 200;
  std::mt19937_64 random(8);
  int held = 0, bare = 0;
  for (int i = 0; i < kTables; ++i) {
    std::vector<SpeedEvidence> table;
    for (int row = 0; row < 60; ++row) table.push_back(measured(random, 1));
    bare += told(table, false) > 0 ? 1 : 0;
    held += told(table, true) > 0 ? 1 : 0;
  }
  CHECK(held < 0.1 * kTables);
  CHECK(bare > 0.5 * kTables);
}
TEST_CASE("what is large is told in a table of sixty, and what is withheld says so") {
  std::mt19937_64 random(9);
  std::vector<SpeedEvidence> table = {measured(random, 1.1)};
  while (table.size() < 60) table.push_back(measured(random, 1));
  CHECK(told(table, true) >= 1);
  CHECK(speed_verdict(table.front(), kSpeedMargin) == SpeedVerdict::faster);
  SpeedEvidence withheld = table.front();
  withheld.withheld_among = 60;
  CHECK(speed_finding(withheld, kSpeedMargin) ==
        "cannot tell: more rounds or fewer comparisons (one of 60 may be chance)");
}

}  // namespace stepbench
