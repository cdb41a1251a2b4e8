// `--fail-if slower:5%`: when a slowdown is a failure. Pure.
#pragma once

#include <string_view>

#include "core/speed_verdict.hpp"

namespace stepbench::compare {

/// The share of `slower:5%`, 0.05: how much longer a step may take. Throws InputError for any other text.
[[nodiscard]] double parse_fail_if(std::string_view text);

enum class LimitVerdict { kept, broken, inconclusive };

/// `evidence`: of new over old, judged with the limit as the margin (see speed_verdict).
/// - broken: the verdict is `slower`, and the whole 95% interval lies beyond the limit;
/// - kept: the whole interval is at most that slow and the noise floor, where known, is within the limit (more noise
///   than that cannot show that it is kept), or the verdict is `faster`, which keeps any limit, 0% too;
/// - inconclusive: anything else, and whatever has no interval.
[[nodiscard]] LimitVerdict check_limit(const SpeedEvidence& evidence, double limit);

}  // namespace stepbench::compare
