#include <catch2/catch.hpp>
#include <limits>

#include "core/error.hpp"
#include "experiments/compare/slowdown_limit.hpp"

namespace stepbench::testing {
namespace {
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kQuiet = 0.002;
}  // namespace

TEST_CASE("a limit on slowness is a percentage") {
  CHECK(compare::parse_fail_if("slower:5%") == Approx(0.05));
  CHECK(compare::parse_fail_if("slower:0.5%") == Approx(0.005));
  CHECK(compare::parse_fail_if("slower:0%") == 0);
}

TEST_CASE("any other limit is refused") {
  for (const char* text : {"", "slower", "slower:", "slower:%", "slower:5", "slower:-5%", "slower:nan%", "slower:inf%",
                           "slower:5%%", "slower: 5%", "faster:5%", "slower:1e9%"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(compare::parse_fail_if(text), InputError);
  }
}

// 5% more time is 1/1.05 = 0.952 of the speed.
TEST_CASE("a limit is broken when the whole interval is beyond it") {
  CHECK(compare::check_limit({{0.90, 0.89, 0.91}, kQuiet}, 0.05) == compare::LimitVerdict::broken);
}
TEST_CASE("a limit is kept when the whole interval is within it, slower or not") {
  CHECK(compare::check_limit({{0.97, 0.96, 0.98}, kQuiet}, 0.05) == compare::LimitVerdict::kept);
  CHECK(compare::check_limit({{1.2, 1.1, 1.3}, kQuiet}, 0.05) == compare::LimitVerdict::kept);
}
TEST_CASE("a slowdown that may be chance among many comparisons breaks no limit") {
  SpeedEvidence evidence = {{0.90, 0.89, 0.91}, kQuiet};
  CHECK(compare::check_limit(evidence, 0.05) == compare::LimitVerdict::broken);
  evidence.withheld_among = 60;
  CHECK(compare::check_limit(evidence, 0.05) == compare::LimitVerdict::inconclusive);
}
TEST_CASE("an interval across the limit cannot tell") {
  CHECK(compare::check_limit({{0.95, 0.93, 0.97}, kQuiet}, 0.05) == compare::LimitVerdict::inconclusive);
}
TEST_CASE("a slowdown within the noise floor cannot tell") {
  CHECK(compare::check_limit({{0.90, 0.89, 0.91}, 0.2}, 0.05) == compare::LimitVerdict::inconclusive);
}
TEST_CASE("a noise floor above the limit cannot show that it is kept") {
  CHECK(compare::check_limit({{1.0, 0.99, 1.01}, 0.30}, 0.05) == compare::LimitVerdict::inconclusive);
  CHECK(compare::check_limit({{1.0, 0.99, 1.01}, 0.05}, 0.05) == compare::LimitVerdict::kept);
  CHECK(compare::check_limit({{1.0, 0.99, 1.01}, kNaN}, 0.05) == compare::LimitVerdict::kept);  // no twin
}
TEST_CASE("what is really faster keeps any limit, whatever the noise floor") {
  CHECK(compare::check_limit({{1.5, 1.4, 1.6}, 0.30}, 0.05) == compare::LimitVerdict::kept);
  CHECK(compare::check_limit({{1.2, 1.1, 1.3}, 0.30}, 0.05) ==
        compare::LimitVerdict::inconclusive);  // as may be the twin
}
TEST_CASE("a limit of 0 is kept by what is really faster, broken by what is really slower") {
  CHECK(compare::check_limit({{1.02, 1.01, 1.03}, kQuiet}, 0) == compare::LimitVerdict::kept);
  CHECK(compare::check_limit({{0.98, 0.97, 0.99}, kQuiet}, 0) == compare::LimitVerdict::broken);
  CHECK(compare::check_limit({{1.001, 0.999, 1.003}, kQuiet}, 0) == compare::LimitVerdict::inconclusive);
  CHECK(compare::check_limit({{1.001, 1.0001, 1.0019}, kQuiet}, 0) ==
        compare::LimitVerdict::inconclusive);  // within the noise floor
}
TEST_CASE("too few rounds cannot tell") {
  CHECK(compare::check_limit({{0.5, kNaN, kNaN}, kNaN}, 0.05) == compare::LimitVerdict::inconclusive);
}

}  // namespace stepbench::testing
