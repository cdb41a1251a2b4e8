// The expectations of a config held against the trials of a result file.
#pragma once

#include <span>
#include <vector>

#include "core/expect/expectation.hpp"
#include "core/results/trial_record.hpp"

namespace stepbench {

/// As files have them before all trials are there.
[[nodiscard]] std::vector<ExpectationRecord> not_judged(std::span<const Expectation> expectations);

/// Each expectation is judged in every cell of the sweep by itself (core/expect/cells.hpp); the record is of the cell
/// that agrees least. Trials need their series. What the file has no trials for cannot be told.
[[nodiscard]] std::vector<ExpectationRecord> judge_expectations(std::span<const Expectation> expectations,
                                                                const ResultFile& file);

/// Judges those that the file has, by what they say.
void judge_expectations(ResultFile& file);

}  // namespace stepbench
