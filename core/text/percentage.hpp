// A percentage as people write it: `2%`.
#pragma once

#include <optional>
#include <string_view>

namespace stepbench {

/// `2%` is 0.02: from 0% to a million %; nothing for other text.
[[nodiscard]] std::optional<double> parse_percentage(std::string_view text);

}  // namespace stepbench
