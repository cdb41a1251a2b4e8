#include "core/false_discoveries.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace stepbench {

double largest_p_value_told(std::span<const double> p_values) {
  std::vector<double> sorted;
  std::ranges::copy_if(p_values, std::back_inserter(sorted), [](double p) { return !std::isnan(p); });
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::ranges::sort(sorted);
  const double step = kFalseDiscoveryRate / static_cast<double>(sorted.size());
  double told = step;  // what the first would have had to be below
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const double allowed = step * static_cast<double>(i + 1);
    if (sorted[i] <= allowed) told = allowed;
  }
  return told;
}

}  // namespace stepbench
