#include "experiments/compare/slowdown_limit.hpp"

#include <fmt/format.h>

#include <charconv>

#include "core/config/text.hpp"
#include "core/error.hpp"

namespace stepbench {

double parse_fail_if(std::string_view text) {
  constexpr std::string_view kName = "slower:", kUnit = "%";
  if (text.starts_with(kName) && text.ends_with(kUnit)) {
    const std::string_view number = text.substr(kName.size(), text.size() - kName.size() - kUnit.size());
    double percent = 0;
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), percent, std::chars_format::fixed);
    if (error == std::errc{} && end == number.data() + number.size() && percent >= 0 && percent <= 1e6) {
      return percent / 100;
    }
  }
  throw InputError(fmt::format("--fail-if: found \"{}\", allowed: slower:PERCENT%, as in slower:5%", printable(text)));
}

LimitVerdict check_limit(const RatioEstimate& speed, double noise_floor, double limit) {
  const double slowest_allowed = 1 / (1 + limit);
  if (speed.low >= slowest_allowed) return LimitVerdict::kept;
  if (speed.high < slowest_allowed && speed_verdict(speed, noise_floor) == SpeedVerdict::slower) {
    return LimitVerdict::broken;
  }
  return LimitVerdict::inconclusive;  // no interval, too
}

}  // namespace stepbench
