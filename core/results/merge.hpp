// The collection of an experiment from the files of its trials.
#pragma once

#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench {

/// The trials of all parts in the order of the parts; groups of one id become one group with the columns of all parts;
/// what describes the run comes from the first part, its status is the worst. Throws InputError for no parts, parts of
/// different experiments, a trial (or a group's column) that appears twice, or parts of a group with different rounds.
[[nodiscard]] ResultFile merge_results(std::vector<ResultFile> parts);

}  // namespace stepbench
