#include "core/text/percentage.hpp"

#include <charconv>
#include <system_error>

namespace stepbench {

std::optional<double> parse_percentage(std::string_view text) {
  constexpr double kMost = 1e6;
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  double percent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || !(percent >= 0 && percent <= kMost)) {
    return std::nullopt;
  }
  return percent / 100;
}

}  // namespace stepbench
