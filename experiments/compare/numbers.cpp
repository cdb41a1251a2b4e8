#include "experiments/compare/numbers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace stepbench::compare {

std::string ratio_number(double ratio) {
  if (std::isnan(ratio)) return "-";
  return fmt::format("{:.{}f}", ratio, ratio < 10 ? 3 : ratio < 100 ? 1 : 0);
}

std::string time_number(double seconds) {
  if (std::isnan(seconds)) return "-";
  if (seconds < 1e-3) return fmt::format("{:.1f} us", 1e6 * seconds);
  if (seconds < 1) return fmt::format("{:.2f} ms", 1e3 * seconds);
  return fmt::format("{:.2f} s", seconds);
}

std::string short_number(double value) { return std::isnan(value) ? "-" : fmt::format("{:.4g}", value); }

std::string signed_number(double value) {
  if (std::isnan(value)) return "-";
  return value == 0 ? "0" : fmt::format("{:+.2g}", value);
}

std::string percent_number(double fraction) {
  return std::isnan(fraction) ? "-" : fmt::format("{:.1f}%", 100 * fraction);
}

std::string join_numbers(const std::vector<std::uint64_t>& values) { return fmt::format("{}", fmt::join(values, ",")); }

}  // namespace stepbench::compare
