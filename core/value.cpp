#include "core/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace stepbench {
namespace {

std::string spelled(bool value) { return value ? "true" : "false"; }
std::string spelled(std::int64_t value) { return std::to_string(value); }
std::string spelled(const std::string& value) { return value; }

std::string spelled(double value) {
  std::array<char, 32> buffer{};  // the longest shortest form, `-2.2250738585072014e-308`, has 24 characters
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

std::string spelled(const std::vector<std::int64_t>& values) {
  std::string text;
  for (const std::int64_t value : values) {
    if (!text.empty()) text += ',';
    text += std::to_string(value);
  }
  return text;
}

}  // namespace

const Value* find_value(const KeyValues& values, std::string_view name) {
  const auto found = std::ranges::find_if(values, [name](const auto& entry) { return entry.first == name; });
  return found == values.end() ? nullptr : &found->second;
}

std::optional<std::int64_t> count_of(const KeyValues& values, std::string_view name) {
  const Value* value = find_value(values, name);
  if (value == nullptr) return std::nullopt;
  const auto* count = std::get_if<std::int64_t>(value);
  return count != nullptr ? std::optional(*count) : std::nullopt;
}

std::string to_text(const Value& value) {
  return std::visit([](const auto& held) { return spelled(held); }, value);
}

std::string text_of(const KeyValues& values, std::string_view name) {
  const Value* value = find_value(values, name);
  return value == nullptr ? "" : to_text(*value);
}

}  // namespace stepbench
