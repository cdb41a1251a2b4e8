// `--fail-if slower:5%`: when a slowdown is a failure. Pure.
#pragma once

#include <string_view>

#include "core/statistics.hpp"

namespace stepbench {

/// The share of `slower:5%`, 0.05: how much longer a step may take. Throws InputError for any other text.
[[nodiscard]] double parse_fail_if(std::string_view text);

enum class LimitVerdict { kept, broken, inconclusive };

/// `speed`: new over old. Broken when the whole 95% interval lies beyond the limit and the slowdown is real (outside
/// the noise floor, see speed_verdict), kept when the whole interval lies within it; else it cannot be told.
[[nodiscard]] LimitVerdict check_limit(const RatioEstimate& speed, double noise_floor, double limit);

}  // namespace stepbench
