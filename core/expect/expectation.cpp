#include "core/expect/expectation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.hpp"
#include "core/text/number.hpp"
#include "core/text/suggestion.hpp"
#include "core/text/text.hpp"

namespace stepbench {
namespace {

using Form = Expectation::Form;

constexpr std::pair<std::string_view, Form> kForms[] = {
    {"ratio", Form::ratio},           {"difference", Form::difference}, {"increasing", Form::increasing},
    {"decreasing", Form::decreasing}, {"crossing", Form::crossing},
};

[[noreturn]] void fail(std::string_view found, const std::string& allowed) {
  throw InputError(fmt::format("found \"{}\", allowed: {}", printable(found), allowed));
}

double read_number(std::string_view text) {
  const std::optional<double> value = finite_number(trimmed(text));
  if (!value) fail(trimmed(text), "a number");
  return *value;
}

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '@';
}

/// The word that `text` begins with, taken from it, with blanks behind it.
std::string_view take_word(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && is_word_character(text[length])) ++length;
  const std::string_view word = text.substr(0, length);
  text = trimmed(text.substr(length));
  return word;
}

/// What stands in the parentheses that `text` begins with; they are taken from it.
std::string_view take_parentheses(std::string_view& text, std::string_view of) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] != ')' || --depth > 0) continue;
    const std::string_view inside = text.substr(1, i - 1);
    text = trimmed(text.substr(i + 1));
    return inside;
  }
  throw InputError(fmt::format("\"{}\" has no closing parenthesis", printable(of)));
}

[[noreturn]] void fail_quantity(std::string_view found) {
  std::vector<std::string_view> names(kTrialQuantities.begin(), kTrialQuantities.end());
  names.insert(names.end(), kQuantitiesAtStep.begin(), kQuantitiesAtStep.end());
  fail(found, fmt::format("{}; {} with a step, as in validation_accuracy@600; and spread(QUANTITY over KEY){}",
                          fmt::join(kTrialQuantities, ", "), fmt::join(kQuantitiesAtStep, ", "),
                          suggestion(found.substr(0, found.find('@')), names)));
}

[[noreturn]] void fail_form(std::string_view found) {
  std::vector<std::string_view> names = {"spread"};
  for (const auto& [name, form] : kForms) names.push_back(name);
  fail(found, fmt::format("{}{}", fmt::join(names, ", "), suggestion(found, names)));
}

Quantity read_metric(std::string_view text) {
  const std::string_view whole = text;
  const std::string_view word = take_word(text);
  if (word.empty() || !text.empty()) fail_quantity(whole);
  const std::size_t at = word.find('@');
  const auto is_one_of = [](const auto& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  };
  if (is_one_of(kQuantitiesAtStep, word) && !is_one_of(kTrialQuantities, word)) {
    fail(word, fmt::format("with a step, as in {0}@600, or final_{0}, best_{0}", word));
  }
  if (at == word.npos) {
    if (!is_one_of(kTrialQuantities, word)) fail_quantity(word);
    return {std::string(word), std::nullopt, ""};
  }
  const std::string_view name = word.substr(0, at), digits = word.substr(at + 1);
  if (!is_one_of(kQuantitiesAtStep, name)) fail_quantity(word);
  const std::optional<std::int64_t> step = parse_number<std::int64_t>(digits);
  if (!step || *step < 1) fail(word, "a step from 1 on behind the @");
  return {std::string(name), step, ""};
}

/// Takes a quantity from the front of `text`: `spread(final_train_loss over seed)`.
Quantity take_quantity(std::string_view& text) {
  const std::string_view whole = text;
  const std::string_view word = take_word(text);
  if (word != "spread" || !text.starts_with('(')) return read_metric(word.empty() ? whole : word);
  std::string_view inside = trimmed(take_parentheses(text, whole));
  constexpr std::string_view kOver = " over ";
  const std::size_t over = inside.find(kOver);
  Quantity quantity = read_metric(trimmed(inside.substr(0, over)));
  quantity.spread_over = over == inside.npos ? "seed" : trimmed(inside.substr(over + kOver.size()));
  return quantity;
}

Quantity read_quantity(std::string_view text) {
  const std::string_view whole = text;
  Quantity quantity = take_quantity(text);
  if (!text.empty()) fail_quantity(whole);
  return quantity;
}

/// `KEY = VALUE`
KeyIs read_setting(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view key = trimmed(text.substr(0, equals));
  const std::string_view value = equals == text.npos ? "" : trimmed(text.substr(equals + 1));
  if (key.empty() || value.empty()) fail(trimmed(text), "KEY = VALUE");
  return {std::string(key), std::string(value)};
}

/// The list behind `where`. A comma of a value, as in a list of layers, has no key behind it.
std::vector<KeyIs> read_where(std::string_view text) {
  std::vector<std::string> pieces;
  for (const std::string_view piece : split(text, ',')) {
    std::string_view rest = piece;
    const bool begins = !take_word(rest).empty() && rest.starts_with('=');
    if (begins || pieces.empty()) {
      pieces.emplace_back(piece);
    } else {
      pieces.back() += "," + std::string(piece);
    }
  }
  std::vector<KeyIs> where;
  for (const std::string& piece : pieces) where.push_back(read_setting(piece));
  return where;
}

/// `<= 0.3`, `>= 0.95`, `= 1`, `in [2, 8]`
void read_condition(std::string_view text, Expectation& expectation) {
  const std::string_view whole = text.empty() ? expectation.claim : text;
  if (text.starts_with("<=")) {
    expectation.high = read_number(text.substr(2));
  } else if (text.starts_with(">=")) {
    expectation.low = read_number(text.substr(2));
  } else if (text.starts_with('=') && !text.starts_with("=>") && !text.starts_with("=<")) {
    expectation.low = expectation.high = read_number(text.substr(1));
    // Two measured numbers are never equal for certain.
    if (expectation.tolerance.empty()) {
      throw InputError(fmt::format("\"= {}\" without a tolerance, allowed: with a line {}.tolerance = 0.02, or <=, >=",
                                   printable(trimmed(text.substr(1))), expectation.name));
    }
  } else if (take_word(text) == "in" && text.starts_with('[') && text.ends_with(']')) {
    const std::vector<std::string_view> ends = split(text.substr(1, text.size() - 2), ',');
    if (ends.size() != 2) fail(whole, "in [LOW, HIGH]");
    expectation.low = read_number(ends[0]);
    expectation.high = read_number(ends[1]);
    if (expectation.low > expectation.high) fail(whole, "in [LOW, HIGH], the lower one first");
  } else {
    fail(whole, "<= NUMBER, >= NUMBER, = NUMBER, in [LOW, HIGH], and behind it `where KEY = VALUE`");
  }
}

/// What stands between the parentheses of `form`.
void read_arguments(std::string_view form, std::string_view inside, Expectation& expectation) {
  const std::vector<std::string_view> arguments = split(inside, ';');
  const auto count = arguments.size();
  if (std::ranges::find(arguments, "") != arguments.end()) fail(inside, "something on both sides of each \";\"");
  expectation.quantity = read_quantity(arguments.front());
  switch (expectation.form) {
    case Form::increasing:
    case Form::decreasing:
      if (count != 2) fail(inside, fmt::format("{}(QUANTITY; KEY)", form));
      expectation.key = arguments[1];
      break;
    case Form::crossing:
      if (count != 4) fail(inside, "crossing(QUANTITY; KEY = VALUE; OTHER VALUE; KEY ALONG WHICH)");
      expectation.over = arguments[3];
      break;
    default:
      if (count == 2) {
        expectation.other = read_quantity(arguments[1]);
        return;
      }
      if (count != 3)
        fail(inside, fmt::format("{0}(QUANTITY; KEY = VALUE; OTHER VALUE), {0}(QUANTITY; QUANTITY)", form));
  }
  if (count < 3) return;
  KeyIs side = read_setting(arguments[1]);
  expectation.key = std::move(side.key);
  expectation.first = std::move(side.value);
  expectation.second = arguments[2];
  if (expectation.first == expectation.second) fail(inside, "two different values");
}

void check_spreads(const Expectation& expectation) {
  const bool first = expectation.quantity.is_spread();
  const bool second = expectation.other ? expectation.other->is_spread() : first;
  if (!first && !second) return;
  if (expectation.form != Form::value && expectation.form != Form::ratio) {
    fail(expectation.claim, "a spread by itself, or in a ratio");
  }
  if (first != second) fail(expectation.claim, "a spread against another spread");
}

/// Of a bound, or where it ends with `%` a part of it.
void widen(Expectation& expectation) {
  if (expectation.tolerance.empty()) return;
  const bool percent = expectation.tolerance.ends_with('%');
  const std::optional<double> size = finite_number(
      trimmed(std::string_view(expectation.tolerance).substr(0, expectation.tolerance.size() - (percent ? 1 : 0))));
  if (!size || *size < 0) {
    throw InputError(fmt::format("tolerance: found \"{}\", allowed: a number from 0 on, or a percentage of the bound",
                                 printable(expectation.tolerance)));
  }
  if (percent && (expectation.low == 0 || expectation.high == 0)) {
    throw InputError(fmt::format("tolerance: found \"{}\" of a bound that is 0, allowed: a number from 0 on",
                                 printable(expectation.tolerance)));
  }
  const auto width = [&](double bound) { return percent ? *size / 100 * std::abs(bound) : *size; };
  if (std::isfinite(expectation.low)) expectation.low -= width(expectation.low);
  if (std::isfinite(expectation.high)) expectation.high += width(expectation.high);
}

}  // namespace

std::vector<std::string> Expectation::named_keys() const {
  std::vector<std::string> keys = {key, over, quantity.spread_over};
  if (other) keys.push_back(other->spread_over);
  std::erase(keys, "");
  return keys;
}

Expectation parse_expectation(std::string name, std::string claim, std::string published, std::string tolerance) {
  Expectation expectation;
  expectation.name = std::move(name);
  expectation.claim = std::move(claim);
  expectation.published = std::move(published);
  expectation.tolerance = std::move(tolerance);

  std::string_view text = trimmed(expectation.claim);
  constexpr std::string_view kWhere = " where ";
  if (const std::size_t where = text.find(kWhere); where != text.npos) {
    expectation.where = read_where(text.substr(where + kWhere.size()));
    text = trimmed(text.substr(0, where));
  }
  std::string_view rest = text;
  const std::string_view word = take_word(rest);
  const auto* const form = std::ranges::find(kForms, word, [](const auto& row) { return row.first; });
  if (form != std::end(kForms) && rest.starts_with('(')) {
    expectation.form = form->second;
    read_arguments(word, take_parentheses(rest, text), expectation);
  } else {
    if (word != "spread" && rest.starts_with('(')) fail_form(word);
    rest = text;
    expectation.quantity = take_quantity(rest);
  }
  if (expectation.form == Form::increasing || expectation.form == Form::decreasing) {
    if (!rest.empty()) fail(rest, "nothing behind increasing(...) and decreasing(...) but `where KEY = VALUE`");
    (expectation.form == Form::increasing ? expectation.low : expectation.high) = 0;
  } else {
    read_condition(rest, expectation);
  }
  check_spreads(expectation);
  widen(expectation);
  return expectation;
}

}  // namespace stepbench
