#include "core/text/utf8.hpp"

#include <iterator>

namespace stepbench {

std::optional<CodePoint> first_code_point(std::string_view text) {
  if (text.empty()) return std::nullopt;
  struct Form {
    std::uint32_t lead_mask, lead, lowest;
  };
  // By length; `lowest` is the first code point that needs so many bytes: a longer form of a smaller one is invalid.
  constexpr Form kForms[] = {{0x80, 0, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
  const auto byte = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(text[i])}; };
  for (std::size_t length = 1; length <= std::size(kForms); ++length) {
    const Form& form = kForms[length - 1];
    if ((byte(0) & form.lead_mask) != form.lead) continue;
    if (text.size() < length) return std::nullopt;
    std::uint32_t value = byte(0) & ~form.lead_mask;
    for (std::size_t i = 1; i < length; ++i) {
      if ((byte(i) & 0xC0U) != 0x80U) return std::nullopt;
      value = value << 6 | (byte(i) & 0x3FU);
    }
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (value < form.lowest || value >= kCodePoints || surrogate) return std::nullopt;
    return CodePoint{value, length};
  }
  return std::nullopt;
}

std::string to_utf8(std::uint32_t value) {
  const auto unit = [](std::uint32_t bits) { return static_cast<char>(bits); };
  const auto later = [&](unsigned shift) { return unit(0x80U | (value >> shift & 0x3FU)); };
  if (value < 0x80) return {unit(value)};
  if (value < 0x800) return {unit(0xC0U | value >> 6), later(0)};
  if (value < 0x10000) return {unit(0xE0U | value >> 12), later(6), later(0)};
  return {unit(0xF0U | value >> 18), later(12), later(6), later(0)};
}

}  // namespace stepbench
