// `--speed-margin P%`, the option of all commands that judge speeds, and what they say about it. The verdict itself is
// core/speed_verdict.hpp's.
#pragma once

#include <string>

#include "core/speed_verdict.hpp"
#include "experiments/terminal/options.hpp"

namespace stepbench {

[[nodiscard]] Option speed_margin_option();

/// Its value, else kSpeedMargin. Throws InputError, which names `command`.
[[nodiscard]] double speed_margin(const std::string& command, const ParsedCommandLine& arguments);

/// `5%`
[[nodiscard]] std::string margin_percent(double margin);

}  // namespace stepbench
