#include <catch2/catch.hpp>
#include <cmath>

#include "experiments/commands.hpp"
#include "experiments/race/report.hpp"

namespace stepbench::testing {
namespace {

/// Ten rounds of 1 ms, each a bit off, times `factor`.
std::vector<double> rounds(double factor, double jitter) {
  std::vector<double> times;
  for (int r = 0; r < 10; ++r) times.push_back(1e-3 * factor * (1 + jitter * std::sin(7.0 * r + 100 * factor)));
  return times;
}

TrialRace race(double factor) {
  return {.id = "blas-t1-s1",
          .failure = "",
          .old_times = rounds(1, 1e-3),
          .new_times = rounds(factor, 1e-3),
          .twin_times = rounds(1.0001, 1e-3),
          .same_bits = "yes"};
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("equal losses and parameters are the same bits") {
  CHECK(same_bits({{0.5, std::nan("")}, "a"}, {{0.5, std::nan("")}, "a"}) == "yes");
}
TEST_CASE("losses part at the first step that differs") {
  CHECK(same_bits({{0.5, 0.25, 3}, "a"}, {{0.5, 0.125, 4}, "b"}) == "no: losses part at step 1 (0.25 and 0.125)");
}
TEST_CASE("zeros of either sign are other bits") { CHECK(contains(same_bits({{0.0}, "a"}, {{-0.0}, "a"}), "step 0")); }
TEST_CASE("a trial that ended early is not the same") {
  CHECK(same_bits({{0.5}, "a"}, {{0.5, 0.25}, "a"}) == "no: 1 steps and 2");
}
TEST_CASE("equal losses with other parameters are not the same") {
  CHECK(same_bits({{0.5}, "a"}, {{0.5}, "b"}) == "no: same losses, other parameters");
}

TEST_CASE("the table names a planted change by its direction") {
  CHECK(contains(race_table(std::vector{race(1.05)}), "  slower "));
  CHECK(contains(race_table(std::vector{race(0.95)}), "  faster "));
  CHECK(contains(race_table(std::vector{race(1)}), "  no difference "));
}
TEST_CASE("a speed above 1 is a faster NEW") { CHECK(race(0.5).speed().ratio == Approx(2).epsilon(1e-2)); }

TEST_CASE("a change within the noise is no difference") {
  TrialRace noisy = race(1.05);
  noisy.twin_times = rounds(1.2, 1e-3);
  CHECK(contains(race_table(std::vector{noisy}), "  no difference "));
}
TEST_CASE("few rounds have a ratio and no verdict") {
  TrialRace short_race = race(1.05);
  for (auto* times : {&short_race.old_times, &short_race.new_times, &short_race.twin_times}) times->resize(7);
  const std::string table = race_table(std::vector{short_race});
  CHECK(contains(table, "  0.95"));
  CHECK(contains(table, "  too few rounds "));
}
TEST_CASE("the table says why a trial was not timed") {
  TrialRace failed;
  failed.id = "blas-t1-s1";
  failed.failure = "NEW: gate: nonsense";
  CHECK(contains(race_table(std::vector{failed}), "\nblas-t1-s1 failed: NEW: gate: nonsense\n"));
}
TEST_CASE("noise that hides what one looks for is pointed out") {
  TrialRace noisy = race(1);
  CHECK_FALSE(contains(race_table(std::vector{noisy}), "noisy"));
  noisy.twin_times = rounds(1.2, 1e-3);
  CHECK(contains(race_table(std::vector{noisy}), "noisy"));
}

TEST_CASE("without a limit no speed is a failure") { CHECK(race_exit_code(std::vector{race(2)}, {}) == kExitOk); }
TEST_CASE("a limit gives a regression its exit code, also next to what cannot be told") {
  TrialRace short_race = race(1);
  short_race.old_times.resize(3);
  short_race.new_times.resize(3);
  short_race.twin_times.resize(3);
  CHECK(race_exit_code(std::vector{race(1)}, 0.05) == kExitOk);
  CHECK(race_exit_code(std::vector{race(1), short_race}, 0.05) == kExitInconclusive);
  CHECK(race_exit_code(std::vector{short_race, race(1.2)}, 0.05) == kExitRegression);
}
TEST_CASE("a failed gate is told before any speed") {
  TrialRace failed;
  failed.failure = "gate: nonsense";
  CHECK(race_exit_code(std::vector{race(1.2), failed}, 0.05) == kExitGateFailed);
  CHECK(race_exit_code(std::vector{failed}, {}) == kExitGateFailed);
}

}  // namespace stepbench::testing
