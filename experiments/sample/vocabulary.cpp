#include "experiments/sample/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/text/utf8.hpp"

namespace stepbench::sample {
namespace {

/// Bytes of the character that `text`, which is not empty, begins with; 1 where it is not UTF-8.
std::size_t character_length(std::string_view text) {
  const std::optional<CodePoint> first = first_code_point(text);
  return first ? first->length : 1;
}

/// `"é"`, and for what cannot be shown in a line its byte: `the byte 0x0a`.
std::string spelled(std::string_view character) {
  const auto byte = static_cast<unsigned char>(character.front());
  const bool shown = character.size() > 1 || (byte >= 0x20U && byte < 0x7FU);
  return shown ? fmt::format("\"{}\"", character) : fmt::format("the byte 0x{:02x}", byte);
}

}  // namespace

Vocabulary::Vocabulary(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {
  is_text_ = std::ranges::any_of(tokens_, [](const std::string& token) { return token == " " || token == "\n"; });
  has_words_ = std::ranges::any_of(
      tokens_, [](const std::string& token) { return !token.empty() && character_length(token) < token.size(); });
}

std::vector<std::int32_t> Vocabulary::encode(std::string_view text) const {
  std::vector<std::int32_t> encoded;
  while (!text.empty()) {
    std::size_t best = tokens_.size();
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const bool longer = best == tokens_.size() || tokens_[i].size() > tokens_[best].size();
      if (!tokens_[i].empty() && longer && text.starts_with(tokens_[i])) best = i;
    }
    if (best < tokens_.size()) {
      encoded.push_back(static_cast<std::int32_t>(best));
      text.remove_prefix(tokens_[best].size());
    } else if (!is_text_ && text.front() == ' ') {
      text.remove_prefix(1);
    } else {
      throw InputError(fmt::format("the vocabulary has no {}", spelled(text.substr(0, character_length(text)))));
    }
  }
  return encoded;
}

std::int32_t Vocabulary::start() const {
  const auto newline = std::find(tokens_.begin(), tokens_.end(), "\n");
  return newline == tokens_.end() ? 0 : static_cast<std::int32_t>(newline - tokens_.begin());
}

}  // namespace stepbench::sample
