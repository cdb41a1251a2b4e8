#include "core/arm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace stepbench {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string plain_name(std::string_view backend, std::int64_t ranks, std::int64_t threads) {
  return ranks > 0 ? fmt::format("{}-r{}-t{}", backend, ranks, threads) : fmt::format("{}-t{}", backend, threads);
}

/// Whether `text` begins with `mark` and a number; then it is without them.
bool take_number(std::string_view& text, std::string_view mark) {
  if (!text.starts_with(mark)) return false;
  const std::string_view digits = text.substr(mark.size());
  unsigned number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{}) return false;
  text = digits.substr(static_cast<std::size_t>(end - digits.data()));
  return true;
}

}  // namespace

std::string Arm::name() const { return plain_name(backend, ranks, threads) + settings; }

bool Arm::is_called(std::string_view text) const {
  return text == backend || text == plain_name(backend, ranks, threads) || text == name();
}

std::string trial_id(const Arm& arm, std::string_view group) { return fmt::format("{}-{}", arm.name(), group); }

Arm arm_of_trial(std::string_view backend, std::int64_t ranks, std::int64_t threads, std::string_view id,
                 std::string_view group) {
  const std::string plain = plain_name(backend, ranks, threads), end = fmt::format("-{}", group);
  Arm arm{std::string(backend), threads, "", ranks};
  if (id.size() < plain.size() + end.size() || !id.starts_with(plain) || !id.ends_with(end)) return arm;
  const std::string_view settings = id.substr(plain.size(), id.size() - plain.size() - end.size());
  if (settings.empty() || settings.front() == '-') arm.settings = settings;
  return arm;
}

bool may_name_backend(std::string_view text) {
  return !text.empty() && is_lower(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

bool may_name_arm(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (!may_name_backend(text.substr(0, dash))) return false;
  if (dash == text.npos) return true;
  std::string_view rest = text.substr(dash);
  take_number(rest, "-r");
  return take_number(rest, "-t") && (rest.empty() || rest.front() == '-');  // what follows are settings
}

}  // namespace stepbench
