// The tables of a study of scaling: what was measured, the model that was fitted to it, what it predicts.
#pragma once

#include <string>

#include "core/results/trial_record.hpp"
#include "experiments/terminal/text_table.hpp"

namespace stepbench {

/// A table for each arm of each group, whatever its number of ranks or threads; empty where the file has no study.
[[nodiscard]] std::string study_tables(const ResultFile& file, TableFormat format = TableFormat::text);

}  // namespace stepbench
