// A trial's vocabulary, both ways: the tokens of a prompt, and the text of tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stepbench::sample {

class Vocabulary {
 public:
  /// `tokens` (V): the UTF-8 text of each, at least one.
  explicit Vocabulary(std::vector<std::string> tokens);

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
  [[nodiscard]] const std::string& text(std::int32_t token) const { return tokens_[static_cast<std::size_t>(token)]; }

  /// The longest token that `text` begins with, again and again. Throws InputError naming the first character that
  /// begins no token. Where the tokens are no text (neither a space nor a newline is one), spaces may stand between
  /// them.
  [[nodiscard]] std::vector<std::int32_t> encode(std::string_view text) const;

  /// A token that text can begin after: a newline, else the first token.
  [[nodiscard]] std::int32_t start() const;

  /// What stands between two tokens when they are printed: a space where some have several characters (numbers above
  /// 9, say), else nothing.
  [[nodiscard]] std::string_view separator() const { return has_words_ ? " " : ""; }

 private:
  std::vector<std::string> tokens_;
  bool is_text_ = false;    // a space or a newline is a token
  bool has_words_ = false;  // a token has several characters
};

}  // namespace stepbench::sample
