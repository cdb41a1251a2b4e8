// The mean of a sequence: known numbers, and that its interval covers the truth where neighbours are alike.
#include <boost/math/distributions/students_t.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

#include "core/sequence_mean.hpp"

namespace stepbench {
namespace {

using Values = std::vector<double>;

/// Of variance 1, with this correlation of neighbours.
Values autoregressive(std::mt19937_64& random, std::size_t count, double correlation) {
  std::normal_distribution<double> normal;
  Values values = {normal(random)};
  while (values.size() < count) {
    values.push_back(correlation * values.back() + std::sqrt(1 - correlation * correlation) * normal(random));
  }
  return values;
}

bool covers_zero(const SequenceMean& of, double error, double degrees) {
  const boost::math::students_t student(degrees);
  return std::abs(of.mean) <= boost::math::quantile(student, 0.975) * error;
}

}  // namespace

TEST_CASE("values that alternate have Student's error, as nothing is made narrower") {
  const SequenceMean of = sequence_mean(Values{0, 0.2, 0, 0.2, 0, 0.2, 0, 0.2});
  CHECK(of.mean == Approx(0.1));
  CHECK(of.error == Approx(0.1 / std::sqrt(7.0)));
  CHECK(of.degrees == 7);
  CHECK(of.correlation == 0);
}
TEST_CASE("a step in the middle of a sequence leaves few effective values") {
  Values values(20, 1.0);
  std::fill(values.begin() + 10, values.end(), 2.0);
  const SequenceMean of = sequence_mean(values);
  CHECK(of.correlation > 0.8);
  CHECK(of.effective == 3);
  CHECK(of.error == Approx(0.5 / std::sqrt(2.0)));
}
TEST_CASE("equal values have no error") { CHECK(sequence_mean(Values(9, 0.25)).error == 0); }
TEST_CASE("one value has no error, and none has no mean") {
  CHECK(std::isnan(sequence_mean(Values{3}).error));
  CHECK(std::isnan(sequence_mean(Values{}).mean));
}

TEST_CASE("the interval of a sequence covers the truth where neighbours are alike, and Student's does not") {
  const double correlation = GENERATE(0.2, 0.4, 0.6);
  const std::size_t count = GENERATE(std::size_t{24}, std::size_t{60});
  CAPTURE(correlation, count);
  constexpr int kSequences = 4000;
  std::mt19937_64 random(20260102);
  int covered = 0, by_student = 0;
  for (int i = 0; i < kSequences; ++i) {
    const Values values = autoregressive(random, count, correlation);
    const SequenceMean of = sequence_mean(values);
    double squares = 0;
    for (const double value : values) squares += (value - of.mean) * (value - of.mean);
    const auto n = static_cast<double>(count);
    covered += covers_zero(of, of.error, of.degrees) ? 1 : 0;
    by_student += covers_zero(of, std::sqrt(squares / (n - 1) / n), n - 1) ? 1 : 0;
  }
  CHECK(covered > 0.91 * kSequences);
  CHECK(covered < 0.98 * kSequences);
  CHECK(by_student < 0.91 * kSequences);
}

}  // namespace stepbench
