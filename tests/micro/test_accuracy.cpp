// The check that stands before every timing: which results it lets pass.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "experiments/micro/accuracy.hpp"

namespace stepbench::testing {
using namespace micro;  // NOLINT(google-build-using-namespace): it is what is tested

namespace {

/// A result of a thousand elements with an RMS near 1, and the same as float.
std::vector<double> right_result() {
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(std::sqrt(2.0) * std::sin(i + 0.5));
  return values;
}
std::vector<float> rounded(const std::vector<double>& values) { return {values.begin(), values.end()}; }

std::string judged(const std::vector<float>& actual) { return mismatch<float>("C", actual, right_result()); }

}  // namespace

TEST_CASE("a result that is right but for rounding passes") { CHECK(judged(rounded(right_result())).empty()); }

TEST_CASE("zero against zero passes") {
  CHECK(mismatch<float>("C", std::vector<float>(3), std::vector<double>(3)).empty());
}

TEST_CASE("planted faults do not pass") {
  std::vector<float> actual = rounded(right_result());
  SECTION("all zero") { actual.assign(actual.size(), 0.0F); }
  SECTION("one NaN") { actual[999] = std::numeric_limits<float>::quiet_NaN(); }
  SECTION("all NaN") { actual.assign(actual.size(), std::numeric_limits<float>::quiet_NaN()); }
  SECTION("an infinity") { actual[3] = std::numeric_limits<float>::infinity(); }
  SECTION("one element wrong by a thousandth") { actual[500] += 1e-3F; }
  SECTION("one percent too large") {
    for (float& value : actual) value *= 1.01F;
  }
  SECTION("two elements exchanged") { std::swap(actual[10], actual[11]); }
  SECTION("one element missing") { actual.pop_back(); }
  const std::string problem = judged(actual);
  INFO(problem);
  CHECK(problem.starts_with("wrong result: C is off by "));
}

TEST_CASE("something where nothing is expected does not pass") {
  CHECK_FALSE(mismatch<float>("C", std::vector<float>{0, 1e-20F}, std::vector<double>(2)).empty());
}

TEST_CASE("float64 is held to float64's rounding") {
  const std::vector<double> expected = right_result();
  const std::vector<float> single = rounded(expected);
  const std::vector<double> actual(single.begin(), single.end());
  CHECK_FALSE(mismatch<double>("C", actual, expected).empty());
}

}  // namespace stepbench::testing
