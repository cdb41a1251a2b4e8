// "Did you mean ...?"
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace stepbench {

/// The nearest of `candidates` by edit distance as `; did you mean "x"?`, or empty when none is near.
[[nodiscard]] std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace stepbench
