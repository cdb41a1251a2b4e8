// What a table says of rounds that were planned from a pilot (measure.rounds = auto).
#pragma once

#include <string>

#include "core/results/trial_record.hpp"

namespace stepbench {

/// How many, for which difference, from which noise; and of the group that is farthest from having room for them, what
/// it would take. A line or two; empty where no rounds were planned.
[[nodiscard]] std::string planned_rounds_lines(const ResultFile& file);

}  // namespace stepbench
