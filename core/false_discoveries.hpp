// Of many comparisons made at once some would be taken for differences by chance: which of them may be told as
// differences. scripts/stepbench_statistics.py has the same rule; tests/compare holds the two together.
#pragma once

#include <span>

namespace stepbench {

/// At most this share of what a table tells as faster or slower is there by chance, on average over tables.
inline constexpr double kFalseDiscoveryRate = 0.05;

/// The largest p-value with which a comparison of this table may be told as a difference (Benjamini and Hochberg 1995,
/// which holds for comparisons that share a baseline, too: Benjamini and Yekutieli 2001). NaN are not counted; NaN
/// without any.
[[nodiscard]] double largest_p_value_told(std::span<const double> p_values);

}  // namespace stepbench
