// Trimming, splitting, and text of others made fit for a message.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stepbench {

/// Without spaces and tabs at either end.
[[nodiscard]] inline std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The trimmed pieces between separators; one piece more than there are separators.
[[nodiscard]] inline std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const std::size_t end = text.find(separator);
    pieces.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

/// Text of the user's for use in a one-line message: control characters become `?`, a long text is cut.
[[nodiscard]] inline std::string printable(std::string_view text, std::size_t longest = 80) {
  std::size_t length = text.size();
  if (length > longest) {
    length = longest;
    // Not in the middle of a UTF-8 sequence, whose later bytes are 10xxxxxx.
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U) --length;
  }
  std::string shown(text.substr(0, length));
  for (char& c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20U || byte == 0x7FU) c = '?';
  }
  return length < text.size() ? shown + "..." : shown;
}

}  // namespace stepbench
