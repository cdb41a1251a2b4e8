#include "core/text/json_strings.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/error.hpp"
#include "core/text/utf8.hpp"

namespace stepbench {
namespace {

// A lone surrogate U+DC80 .. U+DCFF stands for the byte of its last eight bits.
constexpr std::uint32_t kEscapedByte = 0xDC00;

void append_escape(std::string& json, std::uint32_t unit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  json += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) json += kDigits[unit >> shift & 0xFU];
}

void append_string(std::string& json, std::string_view text) {
  json += '"';
  while (!text.empty()) {
    const std::optional<CodePoint> point = first_code_point(text);
    const std::size_t length = point ? point->length : 1;
    if (!point) {
      append_escape(json, kEscapedByte | static_cast<unsigned char>(text.front()));
    } else if (point->value < 0x20 || point->value == 0x7F) {
      append_escape(json, point->value);
    } else {
      if (point->value == '"' || point->value == '\\') json += '\\';
      json += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  json += '"';
}

/// Reads from the front of what is left.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::vector<std::string> array() {
    std::vector<std::string> strings;
    expect('[');
    if (!accept(']')) {
      do strings.push_back(string());
      while (accept(','));
      expect(']');
    }
    skip_blanks();
    if (!rest_.empty()) fail();
    return strings;
  }

 private:
  [[noreturn]] static void fail() { throw InputError("the text is no JSON array of strings"); }

  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }
  bool accept(char wanted) {
    skip_blanks();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail();
  }
  char next() {
    if (rest_.empty()) fail();
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  std::string string() {
    expect('"');
    std::string text;
    for (char c = next(); c != '"'; c = next()) {
      if (static_cast<unsigned char>(c) < 0x20) fail();
      if (c == '\\') {
        append_unescaped(text);
      } else {
        text += c;
      }
    }
    return text;
  }

  std::uint32_t unit() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      constexpr std::string_view kDigits = "0123456789abcdef0123456789ABCDEF";
      const std::size_t digit = kDigits.find(next());
      if (digit == std::string_view::npos) fail();
      value = value << 4 | static_cast<std::uint32_t>(digit % 16);
    }
    return value;
  }

  void append_unescaped(std::string& text) {
    constexpr std::string_view kNames = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    const char name = next();
    if (const std::size_t place = kNames.find(name); place != std::string_view::npos) {
      text += kMeanings[place];
      return;
    }
    if (name != 'u') fail();
    const std::uint32_t first = unit();
    if (first >= (kEscapedByte | 0x80U) && first <= (kEscapedByte | 0xFFU)) {
      text += static_cast<char>(first & 0xFFU);
    } else if (first >= 0xD800 && first <= 0xDBFF) {  // the upper half of a pair
      if (next() != '\\' || next() != 'u') fail();
      const std::uint32_t second = unit();
      if (second < 0xDC00 || second > 0xDFFF) fail();
      text += to_utf8(0x10000 + ((first - 0xD800) << 10 | (second - 0xDC00)));
    } else if (first >= 0xDC00 && first <= 0xDFFF) {
      fail();
    } else {
      text += to_utf8(first);
    }
  }

  std::string_view rest_;
};

}  // namespace

std::string to_json(std::span<const std::string> strings) {
  std::string json = "[";
  for (const std::string& text : strings) {
    if (json.size() > 1) json += ", ";
    append_string(json, text);
  }
  return json + "]";
}

std::vector<std::string> strings_from_json(std::string_view text) { return Parser(text).array(); }

}  // namespace stepbench
