// What the text of a setting may be: one rule per type and range, each with the words that say what is allowed, the
// strict parser, and the way back to a typed value. Which key follows which rule is said by key_rows.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/settings.hpp"
#include "core/value.hpp"

namespace stepbench {

template <typename T>
struct Rule {
  std::string allowed;                                      // for errors: `an integer from 1 to 1024`
  std::vector<std::string_view> choices;                    // for suggestions; empty unless there are only so many
  std::function<std::optional<T>(std::string_view)> parse;  // nothing when the text is not allowed
  std::function<std::optional<Value>(const T&)> to_value;   // nothing when the value stands for `not set`
};

/// The spelling of an enumerator; an array of these is all that is known of an enum's names.
template <typename Enum>
struct EnumName {
  Enum value;
  std::string_view name;
};

/// Decimal digits only. 0 <= low: no sign is ever allowed.
[[nodiscard]] Rule<std::int64_t> integer_rule(std::int64_t low, std::int64_t high);
/// As integer_rule from 1 on, but the field's own default of 0 stands for `not set`.
[[nodiscard]] Rule<std::int64_t> count_or_unset_rule(std::int64_t low, std::int64_t high);
/// 0 .. 2^63 - 1: what a signed 64-bit integer of a result file can hold.
[[nodiscard]] Rule<std::uint64_t> seed_rule();

enum class RealRange { positive, not_negative, from_0_below_1, between_0_and_1 };
/// Finite decimal numbers, `1e-3` included.
[[nodiscard]] Rule<double> real_rule(RealRange range);

[[nodiscard]] Rule<bool> boolean_rule();
/// Any text but an empty one, which stands for `not set`.
[[nodiscard]] Rule<std::string> text_rule(std::string allowed);
/// What can be part of a file name anywhere: letters, digits, `.`, `_`, `-`; starts with a letter, a digit or `_`.
[[nodiscard]] Rule<std::string> file_name_rule();
/// A name as in the registry of backends.
[[nodiscard]] Rule<std::string> backend_rule();
/// What an arm can be called (core/arm.hpp): `blas`, `blas-t2`.
[[nodiscard]] Rule<std::string> baseline_rule();
/// `mpirun -n {ranks}`
[[nodiscard]] Rule<std::string> launcher_rule();
/// `784,128,10`, bounded so that no count of parameters, bytes or operations can overflow.
[[nodiscard]] Rule<std::vector<std::int64_t>> layers_rule();
/// `1 epoch`, `200 steps`
[[nodiscard]] Rule<Interval> interval_rule();
/// Seconds: `10 min`, `90 s`, `2 h`; `never` is -1.
[[nodiscard]] Rule<std::int64_t> period_rule();
/// A number of rounds, or `auto`, which is kAutomaticRounds.
[[nodiscard]] Rule<std::int64_t> rounds_rule();
/// `2%`, above 0% and below 100%; the value is the share.
[[nodiscard]] Rule<double> percentage_rule();
/// As detection.hpp bounds it.
[[nodiscard]] Rule<double> power_rule();
/// `validation_accuracy>=0.95`, `validation_loss<=0.3`, `train_loss<=0.1`
[[nodiscard]] Rule<Target> target_rule();

template <typename Enum, std::size_t N>
[[nodiscard]] Rule<Enum> enum_rule(const EnumName<Enum> (&names)[N]) {
  Rule<Enum> rule;
  for (const EnumName<Enum>& entry : names) {
    rule.allowed += (rule.allowed.empty() ? "" : ", ") + std::string(entry.name);
    rule.choices.push_back(entry.name);
  }
  const std::span<const EnumName<Enum>> table(names);  // `names` is static
  rule.parse = [table](std::string_view text) -> std::optional<Enum> {
    for (const EnumName<Enum>& entry : table) {
      if (entry.name == text) return entry.value;
    }
    return std::nullopt;
  };
  rule.to_value = [table](const Enum& value) -> std::optional<Value> {
    for (const EnumName<Enum>& entry : table) {
      if (entry.value == value) return std::string(entry.name);
    }
    return std::nullopt;
  };
  return rule;
}

}  // namespace stepbench
