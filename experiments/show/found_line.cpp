#include "experiments/show/found_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/detection.hpp"
#include "core/false_discoveries.hpp"

namespace stepbench {

std::string found_line(std::span<const SpeedEvidence> table) {
  const auto count =
      std::ranges::count_if(table, [](const SpeedEvidence& evidence) { return !std::isnan(evidence.speed.log_error); });
  if (count == 0) return "";
  std::vector<double> smallest;
  for (const SpeedEvidence& evidence : table) {
    const double found = smallest_difference(evidence, static_cast<std::size_t>(count));
    if (!std::isnan(found)) smallest.push_back(100 * found);
  }
  const auto [least, most] = std::ranges::minmax(smallest);
  const std::string range = count == 1 ? fmt::format("{:.1f}%", least) : fmt::format("{:.1f}% to {:.1f}%", least, most);
  return fmt::format("{} comparison{}; smallest difference that {:.0f} of 10 such runs would find: {}{}\n", count,
                     count == 1 ? "" : "s", 10 * kUsualPower, range,
                     count == 1 ? "" : fmt::format(" (false discoveries held at {:.0f}%)", 100 * kFalseDiscoveryRate));
}

std::string processes_line(std::span<const SpeedEvidence> table) {
  std::size_t processes = 1;
  std::vector<double> between, within;
  for (const SpeedEvidence& evidence : table) {
    processes = std::max(processes, evidence.speed.processes);
    if (!std::isnan(evidence.speed.between)) between.push_back(100 * evidence.speed.between);
    if (!std::isnan(evidence.speed.within)) within.push_back(100 * evidence.speed.within);
  }
  if (processes < 2) return "";
  const auto range = [](const std::vector<double>& values) {
    if (values.empty()) return std::string("unknown");
    const auto [least, most] = std::ranges::minmax(values);
    const std::string low = fmt::format("±{:.1f}%", least), high = fmt::format("±{:.1f}%", most);
    return low == high ? low : low + " to " + high;
  };
  return fmt::format(
      "{} processes: ratios vary by {} between processes, {} between rounds of one (standard deviations)\n", processes,
      range(between), range(within));
}

}  // namespace stepbench
