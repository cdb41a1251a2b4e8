// How far apart two vectors are, relative to the one that is taken for right.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <ranges>

namespace stepbench::testing {

/// ||actual - expected|| / ||expected|| in L2. 0 where both are zero, infinity where only `expected` is or the lengths
/// differ, NaN where a NaN is in either: compare with `error <= tolerance`, which NaN fails.
/// Vectors or spans, of any two floating types.
template <std::ranges::contiguous_range Actual, std::ranges::contiguous_range Expected>
double relative_l2_error(const Actual& actual, const Expected& expected) {
  if (actual.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double distance = 0;
  double length = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const auto e = static_cast<double>(expected[i]);
    const double difference = static_cast<double>(actual[i]) - e;
    distance += difference * difference;
    length += e * e;
  }
  return distance == 0 ? 0 : std::sqrt(distance) / std::sqrt(length);
}

/// The larger of two errors; NaN, the worst of all, where either is.
inline double worse_of(double a, double b) { return std::isnan(a) || a > b ? a : b; }

}  // namespace stepbench::testing
