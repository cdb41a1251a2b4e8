#include "experiments/compare/slowdown_limit.hpp"

#include <fmt/format.h>

#include "core/error.hpp"
#include "core/speed_verdict.hpp"
#include "core/text/percentage.hpp"
#include "core/text/text.hpp"

namespace stepbench::compare {

double parse_fail_if(std::string_view text) {
  constexpr std::string_view kName = "slower:";
  if (text.starts_with(kName)) {
    if (const std::optional<double> limit = parse_percentage(text.substr(kName.size()))) return *limit;
  }
  throw InputError(fmt::format("--fail-if: found \"{}\", allowed: slower:PERCENT%, as in slower:5%", printable(text)));
}

LimitVerdict check_limit(const SpeedEvidence& evidence, double limit) {
  const auto& [speed, noise_floor, basis, withheld_among] = evidence;
  const SpeedVerdict verdict = speed_verdict(evidence, limit);
  const double slowest_allowed = 1 / (1 + limit);
  if (verdict == SpeedVerdict::faster) return LimitVerdict::kept;
  if (speed.low >= slowest_allowed && !(noise_floor > limit)) return LimitVerdict::kept;
  if (verdict == SpeedVerdict::slower && speed.high < slowest_allowed) return LimitVerdict::broken;
  return LimitVerdict::inconclusive;
}

}  // namespace stepbench::compare
