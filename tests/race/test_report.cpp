#include <catch2/catch.hpp>
#include <cmath>

#include "core/speed_verdict.hpp"
#include "experiments/race/report.hpp"
#include "experiments/terminal/exit_code.hpp"

namespace stepbench::testing {
namespace {

/// Ten rounds of 1 ms, each a bit off, times `factor`.
std::vector<double> rounds(double factor, double jitter) {
  std::vector<double> times;
  for (int r = 0; r < 10; ++r) times.push_back(1e-3 * factor * (1 + jitter * std::sin(7.0 * r + 100 * factor)));
  return times;
}

race::TrialRace race(double factor) {
  return {.id = "blas-t1-s1",
          .failure = "",
          .old_times = rounds(1, 1e-3),
          .new_times = rounds(factor, 1e-3),
          .twin_times = rounds(1.0001, 1e-3),
          .difference = {}};
}

std::string difference_text(const race::Trajectory& first, const race::Trajectory& second) {
  const std::optional<race::BitsDifference> difference = race::bits_difference(first, second);
  return difference ? race::to_text(*difference) : "none";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("equal losses and parameters are the same bits") {
  CHECK_FALSE(race::bits_difference({{0.5, std::nan("")}, "a"}, {{0.5, std::nan("")}, "a"}));
}
TEST_CASE("losses part at the first step that differs") {
  CHECK(difference_text({{0.5, 0.25, 3}, "a"}, {{0.5, 0.125, 4}, "b"}) == "losses part at step 1 (0.25 and 0.125)");
}
TEST_CASE("zeros of either sign are other bits") {
  CHECK(contains(difference_text({{0.0}, "a"}, {{-0.0}, "a"}), "step 0"));
}
TEST_CASE("a trial that ended early is not the same") {
  CHECK(difference_text({{0.5}, "a"}, {{0.5, 0.25}, "a"}) == "1 steps and 2");
}
TEST_CASE("equal losses with other parameters are not the same") {
  CHECK(difference_text({{0.5}, "a"}, {{0.5}, "b"}) == "same losses, other parameters");
}

std::string table(const race::TrialRace& of, double margin = kSpeedMargin) {
  return race::table(std::vector{of}, margin);
}

TEST_CASE("the table names a planted change by its direction") {
  CHECK(contains(table(race(1.1)), "  slower "));
  CHECK(contains(table(race(0.9)), "  faster "));
  CHECK(contains(table(race(1)), "  same "));
}
TEST_CASE("the margin moves what is the same, and the table says which it was") {
  CHECK(contains(table(race(1.03)), "  same: real, but inside the margin "));
  CHECK(contains(table(race(1.03), 0.02), "  slower "));
  CHECK(contains(table(race(1.03), 0.02), "within 2%"));
}
TEST_CASE("step times are the means of the rounds, which have the ratio that is shown") {
  race::TrialRace disturbed = race(1);
  for (int r = 0; r < 3; ++r) disturbed.new_times[static_cast<std::size_t>(r)] *= 8;  // 2^(9/10) over all ten
  CHECK(contains(table(disturbed), "  1.866 ms  0.536x"));
}
TEST_CASE("a speed above 1 is a faster NEW") { CHECK(race(0.5).speed().ratio == Approx(2).epsilon(1e-2)); }

TEST_CASE("a change within the noise cannot be told, and neither can none") {
  for (const double factor : {1.1, 1.0}) {
    race::TrialRace noisy = race(factor);
    noisy.twin_times = rounds(1.2, 1e-3);
    CHECK(contains(table(noisy), "  cannot tell: a quieter machine or more rounds (noise floor 20."));
  }
}
TEST_CASE("few rounds have a ratio, and it is said how many would tell") {
  race::TrialRace short_race = race(1.05);
  for (auto* times : {&short_race.old_times, &short_race.new_times, &short_race.twin_times}) times->resize(7);
  CHECK(contains(table(short_race), "  0.95"));
  CHECK(contains(table(short_race), "  cannot tell: at least 8 rounds (measure.rounds) "));
}
TEST_CASE("the table says why a trial was not timed") {
  race::TrialRace failed;
  failed.id = "blas-t1-s1";
  failed.failure = "NEW: gate: nonsense";
  CHECK(contains(table(failed), "\nblas-t1-s1 failed: NEW: gate: nonsense\n"));
}

TEST_CASE("without a limit no speed is a failure") { CHECK(exit_code(std::vector{race(2)}, {}) == kExitOk); }
TEST_CASE("a limit gives a regression its exit code, also next to what cannot be told") {
  race::TrialRace short_race = race(1);
  short_race.old_times.resize(3);
  short_race.new_times.resize(3);
  short_race.twin_times.resize(3);
  CHECK(race::exit_code(std::vector{race(1)}, 0.05) == kExitOk);
  CHECK(race::exit_code(std::vector{race(1), short_race}, 0.05) == kExitInconclusive);
  CHECK(race::exit_code(std::vector{short_race, race(1.2)}, 0.05) == kExitRegression);
}
TEST_CASE("a twin that differs by more than the limit makes any speed within it inconclusive") {
  race::TrialRace noisy = race(1);
  noisy.twin_times = rounds(1.3, 1e-3);
  CHECK(race::exit_code(std::vector{noisy}, 0.05) == kExitInconclusive);
}
TEST_CASE("a failed gate is told before any speed") {
  race::TrialRace failed;
  failed.failure = "gate: nonsense";
  CHECK(race::exit_code(std::vector{race(1.2), failed}, 0.05) == kExitGateFailed);
  CHECK(race::exit_code(std::vector{failed}, {}) == kExitGateFailed);
}

}  // namespace stepbench::testing
