// A text that is one number. Not here: numbers at the beginning of a text, and which values are allowed.
#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <system_error>

namespace stepbench {

/// The whole text as a decimal number: digits (and for floating point a fraction and an exponent, or none by `format`,
/// a std::chars_format; also `inf` and `nan`), a sign only as `-`.
template <typename Number, typename... Format>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text, Format... format) {
  Number value{};
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value, format...);
  if (error != std::errc{} || end != last) return std::nullopt;
  return value;
}

/// A double that is neither infinite nor NaN.
[[nodiscard]] inline std::optional<double> finite_number(std::string_view text) {
  const std::optional<double> value = parse_number<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

}  // namespace stepbench
