// How much a table's comparisons could have found. Not here: the table.
#pragma once

#include <span>
#include <string>

#include "core/speed_verdict.hpp"

namespace stepbench {

/// A line: how many comparisons the table makes, and from which difference on each of them would have been told, which
/// is the smallest_difference of detection.hpp. Empty where no comparison has an interval. Words as
/// scripts/stepbench_report/speed_verdict.py has them.
[[nodiscard]] std::string found_line(std::span<const SpeedEvidence> table);

/// Of rounds that several processes took: how far these differ, and rounds within one. Empty of one process.
[[nodiscard]] std::string processes_line(std::span<const SpeedEvidence> table);

}  // namespace stepbench
