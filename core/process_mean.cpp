#include "core/process_mean.hpp"

#include <algorithm>
#include <boost/math/statistics/univariate_statistics.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

namespace stepbench {
namespace {

namespace statistics = boost::math::statistics;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double sum_of_squares(const std::vector<double>& values, double about) {
  double sum = 0;
  for (const double value : values) sum += (value - about) * (value - about);
  return sum;
}

}  // namespace

ProcessMean process_mean(std::span<const double> values, std::span<const std::int64_t> processes) {
  std::map<std::int64_t, std::vector<double>> by_process;
  for (std::size_t i = 0; i < std::min(values.size(), processes.size()); ++i)
    by_process[processes[i]].push_back(values[i]);
  if (by_process.size() < 2) return {sequence_mean(values), 1, kNaN, kNaN};

  const auto all = static_cast<double>(values.size()), count = static_cast<double>(by_process.size());
  const double grand = statistics::mean(values.begin(), values.end());
  std::vector<double> means;
  double within = 0, between = 0, sizes = 0;  // sums of squares
  for (const auto& [process, own] : by_process) {
    const double mean = statistics::mean(own);
    const auto size = static_cast<double>(own.size());
    means.push_back(mean);
    within += sum_of_squares(own, mean);
    between += size * (mean - grand) * (mean - grand);
    sizes += size * size;
  }
  const double variance_within = all > count ? within / (all - count) : kNaN;
  const double typical_size = (all - sizes / all) / (count - 1);
  const double component = (between / (count - 1) - (all > count ? variance_within : 0)) / typical_size;
  const double error = std::sqrt(statistics::sample_variance(means) / count);
  return {{statistics::mean(means), error, count - 1, count, 0},
          by_process.size(),
          std::sqrt(std::max(0.0, component)),
          std::sqrt(variance_within)};
}

}  // namespace stepbench
