// The verdict on speed: each of its rules at both sides of its edge, and what would tell where it cannot.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "core/speed_verdict.hpp"

namespace stepbench::testing {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kMargin = 0.05;

/// Over 12 rounds.
SpeedEvidence evidence(double ratio, double low, double high, double noise_floor) {
  return {{ratio, low, high, 12}, noise_floor};
}
std::string reason(const SpeedEvidence& of, double margin = kMargin) { return speed_reason(of, margin); }

TEST_CASE("an interval within the margin is the same, and one beyond it is not") {
  CHECK(speed_verdict({1.01, 0.97, 1.049}, 0.02, kMargin) == SpeedVerdict::same);
  CHECK(speed_verdict({1.01, 0.97, 1.051}, 0.02, kMargin) == SpeedVerdict::cannot_tell);
  CHECK(speed_verdict({1.01, 0.951, 1.04}, 0.02, kMargin) == SpeedVerdict::cannot_tell);  // below 1/1.05
  CHECK(speed_verdict({1.01, 0.97, 1.051}, 0.02, 0.06) == SpeedVerdict::same);
}
TEST_CASE("a real difference inside the margin is the same, and its reason says that it is real") {
  CHECK(speed_verdict({1.03, 1.02, 1.04}, 0.01, kMargin) == SpeedVerdict::same);
  CHECK(reason(evidence(1.03, 1.02, 1.04, 0.01)) == "real, but inside the margin");
  CHECK(reason(evidence(1.03, 1.02, 1.04, kNaN)) == "real, but inside the margin");
  CHECK(speed_finding(evidence(1.03, 1.02, 1.04, 0.01), kMargin) == "same: real, but inside the margin");
}
TEST_CASE("what the twin shows as well is not called real") {
  CHECK(reason(evidence(1.03, 1.02, 1.04, 0.04)) == "inside the margin");
  CHECK(speed_finding(evidence(1.03, 1.02, 1.04, 0.04), kMargin) == "same");
}
TEST_CASE("a noise floor above the margin cannot show that two speeds are the same") {
  CHECK(speed_verdict({1.0, 0.99, 1.01}, 0.05, kMargin) == SpeedVerdict::same);
  CHECK(speed_verdict({1.0, 0.99, 1.01}, 0.30, kMargin) == SpeedVerdict::cannot_tell);
  CHECK(reason(evidence(1.0, 0.99, 1.01, 0.30)) == "a quieter machine or more rounds (noise floor 30.0%)");
}
TEST_CASE("an interval beyond 1 and a ratio outside the noise floor are faster or slower") {
  CHECK(speed_verdict({1.10, 1.08, 1.12}, 0.02, kMargin) == SpeedVerdict::faster);
  CHECK(speed_verdict({0.90, 0.88, 0.92}, 0.02, kMargin) == SpeedVerdict::slower);
  CHECK(speed_verdict({1.10, 0.99, 1.22}, 0.02, kMargin) == SpeedVerdict::cannot_tell);
}
TEST_CASE("a difference inside the noise floor cannot be told, and names the floor") {
  CHECK(speed_verdict({1.20, 1.15, 1.25}, 0.30, kMargin) == SpeedVerdict::cannot_tell);
  CHECK(speed_verdict({0.80, 0.78, 0.82}, 0.30, kMargin) == SpeedVerdict::cannot_tell);
  CHECK(reason(evidence(1.20, 1.15, 1.25, 0.30)) == "a quieter machine or more rounds (noise floor 30.0%)");
}
TEST_CASE("without a twin the interval alone decides") {
  CHECK(speed_verdict({1.10, 1.06, 1.14}, kNaN, kMargin) == SpeedVerdict::faster);
  CHECK(speed_verdict({0.90, 0.87, 0.93}, kNaN, kMargin) == SpeedVerdict::slower);
  CHECK(speed_verdict({1.0, 0.98, 1.02}, kNaN, kMargin) == SpeedVerdict::same);
}
TEST_CASE("with a margin of 0 only equal speeds are the same") {
  CHECK(speed_verdict({1, 1, 1}, kNaN, 0) == SpeedVerdict::same);
  CHECK(speed_verdict({1.001, 1.0001, 1.002}, kNaN, 0) == SpeedVerdict::faster);
}
TEST_CASE("a doubtful ratio of several processes asks for processes, of which few have a large t, not for rounds") {
  // Half width 0.0697 of the logarithm; 1 is 0.0392 away. Of n processes it is t(n - 1) / sqrt(n) deviations, t being
  // 12.706, 4.303, 3.182, 2.776, 2.571 for 2 to 6.
  RatioEstimate few = {1.04, 0.97, 1.115, 12};
  few.processes = 3;  // 2.484 deviations, at most 1.398 wanted: 4 have 1.591, 5 have 1.241
  CHECK(reason({few, kNaN}) == "about 5 processes (run --repeat, now 3)");
  few.processes = 2;  // 8.985, at most 5.055: 3 have 2.484
  CHECK(reason({few, kNaN}) == "about 3 processes (run --repeat, now 2)");
  few.processes = 30;  // t hardly falls any more: by the root alone it would be 95
  CHECK(reason({few, kNaN}) == "about 90 processes (run --repeat, now 30)");
  few.processes = 34;  // 102
  CHECK(reason({few, kNaN}) == "a quieter machine (or more than 1000 rounds, now 12)");
  few.processes = 3;
  few.low = 0.5;
  few.high = 2.2;
  CHECK(reason({few, kNaN}) == "a quieter machine (or more than 1000 rounds, now 12)");
}
TEST_CASE("with a margin of 0 and equal speeds no number of processes would do") {
  RatioEstimate equal = {1, 0.9, 1 / 0.9, 12};
  equal.processes = 3;
  CHECK(reason({equal, kNaN}, 0) == "a quieter machine (or more than 1000 rounds, now 12)");
}
TEST_CASE("without an interval nothing can be told: it takes eight rounds, or turns") {
  const RatioEstimate few = {2, kNaN, kNaN, 7};
  CHECK(speed_verdict(few, 0.01, kMargin) == SpeedVerdict::cannot_tell);
  CHECK(reason({few, 0.01}) == "at least 8 rounds (measure.rounds)");
  CHECK(reason({few, 0.01, Basis::unpaired}) == "rounds in turns (unpaired)");
  CHECK(reason({few, 0.01, Basis::not_interleaved}) == "blocks that alternate (measure.interleave = true)");
}

// log(1.05) = 0.0488. The half width of [0.9, 1/0.9] is 0.1054: (0.1054/0.0488)^2 * 12 = 56.
TEST_CASE("an interval too wide says how many rounds would tell, as widths fall with their root") {
  CHECK(reason(evidence(1, 0.9, 1 / 0.9, kNaN)) == "about 56 rounds (now 12)");
  CHECK(speed_finding(evidence(1, 0.9, 1 / 0.9, kNaN), kMargin) == "cannot tell: about 56 rounds (now 12)");
}
TEST_CASE("a ratio far from 1 needs rounds enough to leave 1 out, one near it enough to stay within the margin") {
  const double far = 1.09, width = 1.1;  // (0.0953/0.0862)^2 * 12 = 14.7
  CHECK(reason(evidence(far, far / width, far * width, kNaN)) == "about 15 rounds (now 12)");
  const double near = 1.01;  // (0.0953/(0.0488 - 0.00995))^2 * 12 = 72.2
  CHECK(reason(evidence(near, near / width, near * width, kNaN)) == "about 73 rounds (now 12)");
}
TEST_CASE("a noise floor wider than the interval decides how many rounds would tell") {
  CHECK(reason(evidence(1, 0.94, 1 / 0.94, 0.2)) == "about 170 rounds (now 12)");  // (0.1823/0.0488)^2 * 12 = 167.6
}
TEST_CASE("a number of rounds has two significant digits, rounded up") {
  CHECK(reason(evidence(1, 0.83, 1 / 0.83, kNaN)) == "about 180 rounds (now 12)");  // 175.01
}
TEST_CASE("more rounds than anyone would run are a quieter machine") {
  const std::string quieter = "a quieter machine (or more than 1000 rounds, now 12)";
  CHECK(reason(evidence(1, 0.5, 2, kNaN)) == quieter);
  CHECK(reason(evidence(1, 0.99, 1 / 0.99, kNaN), 0) == quieter);  // no margin: no number of rounds would do
}
TEST_CASE("faster and slower say what they are outside of") {
  CHECK(reason(evidence(1.10, 1.08, 1.12, 0.02)) == "outside interval and noise floor");
  CHECK(reason(evidence(0.90, 0.88, 0.92, kNaN)) == "the interval excludes 1 (no twin)");
}

TEST_CASE("of many rows in doubt each remedy is told once, as the row that needs most needs it") {
  const std::vector<SpeedEvidence> rows = {evidence(1, 0.9, 1 / 0.9, kNaN),   evidence(1.5, 1.4, 1.6, 0.02),
                                           evidence(1, 0.83, 1 / 0.83, kNaN), evidence(1, 0.99, 1.01, 0.30),
                                           evidence(1, 0.99, 1.01, 0.20),     {{2, kNaN, kNaN, 7}, kNaN}};
  CHECK(what_would_tell(rows, kMargin) ==
        "at least 8 rounds (measure.rounds); a quieter machine or more rounds (noise floor 30.0%); about 180 rounds "
        "(now 12)");
  CHECK(what_would_tell({&rows[1], 1}, kMargin).empty());
}

}  // namespace
}  // namespace stepbench::testing
