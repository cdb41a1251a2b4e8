// The results of a run as a table for people.
#pragma once

#include <string>

#include "core/results/trial_record.hpp"
#include "core/speed_verdict.hpp"

namespace stepbench {

/// A row per trial: speed with spread, speed against the group's baseline, percent of peak, losses, agreement with the
/// reference, same bits; then what did not run and why, and how to read it. Speeds are the same (`=`) within `margin`;
/// `?` marks what cannot be told.
[[nodiscard]] std::string results_table(const ResultFile& file, double margin = kSpeedMargin);

/// "yes" or "NO" when the trials of `record`'s group and backend promise the same bits and there are at least two to
/// compare, else "-".
[[nodiscard]] std::string same_bits(const ResultFile& file, const TrialRecord& record);

}  // namespace stepbench
