// Inside core/config only: how a row of the table of keys comes from a member of the settings and a rule for its text.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "core/config/keys.hpp"
#include "core/config/rules.hpp"

namespace stepbench {

/// A condition that needs no more than the settings; there before any table is made.
struct FixedCondition {
  std::string_view text;
  bool (*holds)(const TrialSettings&);
  operator Condition() const { return {std::string(text), holds}; }  // NOLINT(google-explicit-constructor): a row's
};

/// What most rows leave as it is.
struct Extras {
  Condition condition = {};
  bool of_arm = false;
  bool required = false;
  bool is_list = false;
  const char* default_text = nullptr;  // where the field's own default says nothing
};

template <typename T>
T& held(T& field) {
  return field;
}
template <typename T>
bool is_set(const T&) {
  return true;
}
template <typename T>
const T& held(const std::optional<T>& field) {
  return *field;
}
template <typename T>
bool is_set(const std::optional<T>& field) {
  return field.has_value();
}

/// A row. `field` gives the member of a trial, const or not: `[](auto& s) -> auto& { return s.training.batch_size; }`.
template <typename Field, typename T>
Key make_key(std::string_view name, Field field, Rule<T> rule, std::string_view help, const Extras& extras = {}) {
  Key key;
  key.name = name;
  key.allowed = std::move(rule.allowed);
  key.choices = std::move(rule.choices);
  key.help = help;
  key.condition = extras.condition;
  key.of_arm = extras.of_arm;
  key.required = extras.required;
  key.is_list = extras.is_list;
  key.set = [field, parse = std::move(rule.parse)](TrialSettings& trial, std::string_view text) {
    std::optional<T> value = parse(text);
    if (value) field(trial) = std::move(*value);
    return value.has_value();
  };
  key.get = [field, to_value = std::move(rule.to_value)](const TrialSettings& trial) {
    const auto& value = field(trial);
    return is_set(value) ? to_value(held(value)) : std::nullopt;
  };
  if (extras.default_text != nullptr) {
    key.default_text = extras.default_text;
  } else if (!key.required) {
    const std::optional<Value> value = key.get(TrialSettings{});
    if (value) key.default_text = to_text(*value);
  }
  return key;
}

}  // namespace stepbench
