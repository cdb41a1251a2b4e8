#include "core/sequence_mean.hpp"

#include <algorithm>
#include <boost/math/statistics/univariate_statistics.hpp>
#include <cmath>
#include <limits>

namespace stepbench {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kMostCorrelation = 0.9;  // beyond it a few dozen values say nothing of their mean
constexpr double kFewestEffective = 3;    // fewer have no variance to speak of

}  // namespace

SequenceMean sequence_mean(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  if (values.empty()) return {kNaN, kNaN, kNaN, 0, 0};
  const double mean = boost::math::statistics::mean(values.begin(), values.end());
  if (values.size() < 2) return {mean, kNaN, kNaN, count, 0};
  double squares = 0, neighbours = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    squares += (values[i] - mean) * (values[i] - mean);
    if (i > 0) neighbours += (values[i] - mean) * (values[i - 1] - mean);
  }
  const bool tells = values.size() > static_cast<std::size_t>(kFewestEffective) && squares > 0;
  const double unbiased = tells ? (neighbours / squares + 1 / count) / (1 - 3 / count) : 0;
  const double correlation = std::clamp(unbiased, 0.0, kMostCorrelation);
  const double effective = std::max(count * (1 - correlation) / (1 + correlation), std::min(count, kFewestEffective));
  const double degrees = std::max(effective - 1, (count - 1) / 2);
  return {mean, std::sqrt(squares / count / (effective - 1)), degrees, effective, correlation};
}

}  // namespace stepbench
