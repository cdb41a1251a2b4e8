// A setting's value with its type, as it is stored in results.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace stepbench {

using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>>;

/// Full key (`model.kind`) and value, in the order of the key table.
using KeyValues = std::vector<std::pair<std::string, Value>>;

/// The value of a name; nullptr when there is none.
[[nodiscard]] const Value* find_value(const KeyValues& values, std::string_view name);

/// An integer of that name; nothing when there is none.
[[nodiscard]] std::optional<std::int64_t> count_of(const KeyValues& values, std::string_view name);

/// As a config file would spell it; doubles in the shortest form that reads back the same.
[[nodiscard]] std::string to_text(const Value& value);
/// Of the value of a name; empty when there is none.
[[nodiscard]] std::string text_of(const KeyValues& values, std::string_view name);

}  // namespace stepbench
