#include "core/text/percentage.hpp"

#include "core/text/number.hpp"

namespace stepbench {

std::optional<double> parse_percentage(std::string_view text) {
  constexpr double kMost = 1e6;
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  const std::optional<double> percent = parse_number<double>(text, std::chars_format::fixed);
  if (!percent || !(*percent >= 0 && *percent <= kMost)) return std::nullopt;
  return *percent / 100;
}

}  // namespace stepbench
