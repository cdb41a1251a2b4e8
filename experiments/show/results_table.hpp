// The results of a run as a table for people.
#pragma once

#include <string>

#include "core/results/trial_record.hpp"
#include "core/speed_verdict.hpp"
#include "experiments/show/seed_rows.hpp"
#include "experiments/terminal/text_table.hpp"

namespace stepbench {

/// A row per trial, or for all trials that differ in the seed alone: speed with spread, speed against the group's
/// baseline, percent of peak, losses, agreement with the reference, same bits; then what did not run and why, how
/// to read it, and what came of the file's expectations. Speeds are the same (`=`) within `margin`; `?` marks what
/// cannot be told.
///
/// A row of several seeds is of those that completed, and says how many they are. Its speeds are ShownSpeed's; losses
/// and accuracy are means with standard deviations; the gradient error is the worst; the bits are the same when each
/// seed's are. A file of one seed has the same table either way.
[[nodiscard]] std::string results_table(const ResultFile& file, double margin = kSpeedMargin,
                                        SeedRows seeds = SeedRows::together, TableFormat format = TableFormat::text);

/// "yes" or "NO" when the trials of `record`'s group and backend promise the same bits and there are at least two to
/// compare, else "-".
[[nodiscard]] std::string same_bits(const ResultFile& file, const TrialRecord& record);

}  // namespace stepbench
