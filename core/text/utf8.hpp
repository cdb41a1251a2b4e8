// UTF-8, strictly: no overlong forms, no surrogates, nothing beyond U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stepbench {

inline constexpr std::uint32_t kCodePoints = 0x110000;

struct CodePoint {
  std::uint32_t value;
  std::size_t length;  // bytes
};

/// The character that `text` begins with; nothing where there is no valid one.
[[nodiscard]] std::optional<CodePoint> first_code_point(std::string_view text);

/// `value` below kCodePoints.
[[nodiscard]] std::string to_utf8(std::uint32_t value);

}  // namespace stepbench
