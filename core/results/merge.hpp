// The collection of an experiment from the files of its trials, and the part of a group that such a file holds.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench {

/// The trials of all parts in the order of the parts; groups of one id become one group with the columns of all parts;
/// what describes the run comes from the first part, its status is the worst. Throws InputError for no parts, parts of
/// different experiments, a trial (or a group's column) that appears twice, or parts of a group with different rounds.
[[nodiscard]] ResultFile merge_results(std::vector<ResultFile> parts);

/// The group with the columns of `trials` only, in the group's order; ids that the group does not have are passed over.
/// Without rounds when none are left.
[[nodiscard]] GroupRecord columns_of(const GroupRecord& group, std::span<const std::string> trials);

}  // namespace stepbench
