// A setting's value with its type, as it is stored in results.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace stepbench {

using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>>;

/// Full key (`model.kind`) and value, in the order of the key table.
using KeyValues = std::vector<std::pair<std::string, Value>>;

/// As a config file would spell it; doubles in the shortest form that reads back the same.
[[nodiscard]] std::string to_text(const Value& value);

}  // namespace stepbench
