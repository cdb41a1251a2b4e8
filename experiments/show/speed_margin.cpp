#include "experiments/show/speed_margin.hpp"

#include <fmt/format.h>

#include "core/error.hpp"
#include "core/text/percentage.hpp"
#include "core/text/text.hpp"

namespace stepbench {

Option speed_margin_option() {
  return {"speed-margin", 0, "P%",
          fmt::format("speeds are the same within P%; default {}", margin_percent(kSpeedMargin))};
}

double speed_margin(const std::string& command, const ParsedCommandLine& arguments) {
  const std::string name = speed_margin_option().name;
  if (!arguments.has(name)) return kSpeedMargin;
  const std::string text = arguments.last(name, "");
  if (const std::optional<double> margin = parse_percentage(text)) return *margin;
  throw InputError(fmt::format("{}: --{}: found \"{}\", allowed: a percentage from 0% on, as in 5%", command, name,
                               printable(text)));
}

std::string margin_percent(double margin) { return fmt::format("{:g}%", 100 * margin); }

}  // namespace stepbench
