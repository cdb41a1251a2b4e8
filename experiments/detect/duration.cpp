#include "experiments/detect/duration.hpp"

#include <fmt/format.h>

#include <charconv>

#include "core/error.hpp"
#include "core/text/text.hpp"

namespace stepbench::detect {
namespace {

constexpr double kMinute = 60, kHour = 3600;

}  // namespace

double parse_duration(std::string_view text, std::string_view where) {
  double amount = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, amount, std::chars_format::fixed);
  const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  const double seconds = unit == "s" ? 1 : unit == "min" ? kMinute : unit == "h" ? kHour : 0;
  if (error == std::errc{} && seconds > 0 && amount > 0) return amount * seconds;
  throw InputError(
      fmt::format("{}: found \"{}\", allowed: a time above 0 in s, min or h, as in 10min", where, printable(text)));
}

std::string duration_text(double seconds) {
  if (seconds < 2 * kMinute) return fmt::format("{:.2g} s", seconds);
  return seconds < 2 * kHour ? fmt::format("{:.0f} min", seconds / kMinute) : fmt::format("{:.1f} h", seconds / kHour);
}

}  // namespace stepbench::detect
