// What is said of a value in a table (a data set, a parameter) that cannot be used: where it stands, and whether
// float32 can hold it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace stepbench {

/// `index` of a row-major table, zero-based: "row 3, column 2"; "row 3" where there is a single column.
inline std::string place_text(std::int64_t index, std::int64_t columns) {
  const std::string row = "row " + std::to_string(index / columns);
  return columns == 1 ? row : row + ", column " + std::to_string(index % columns);
}

/// The index of the first of these finite values that is infinite in float32. One that becomes 0 there is none of them.
inline std::optional<std::int64_t> first_beyond_float32(std::span<const double> values) {
  const auto found = std::find_if(values.begin(), values.end(),
                                  [](double value) { return !std::isfinite(static_cast<float>(value)); });
  return found == values.end() ? std::nullopt : std::optional(found - values.begin());
}

}  // namespace stepbench
