// The machines and libraries that a file's groups were measured with. A collection may hold several: a sweep that was
// resumed elsewhere, or whose groups were spread over machines. Not here: finding out what this machine is.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench {

/// Attributes of an environment that tell one machine, and how it is set up, from another. Those that are measured
/// (peaks) are not among them: no two measurements are equal.
inline constexpr std::array<std::string_view, 8> kMachineFacts = {"hostname",  "cpu_model", "isa",      "cores",
                                                                  "cpu_quota", "blas_core", "governor", "thp"};

/// Value for value; NaN equals itself.
[[nodiscard]] bool same_environment(const KeyValues& first, const KeyValues& second);

/// The place of `environment` in file.environments, where it is put if it is not there yet.
[[nodiscard]] std::size_t place_of(ResultFile& file, const KeyValues& environment);

/// Makes a group of `from` one of `to`, which then has its environments.
void move_environments(GroupRecord& group, const ResultFile& from, ResultFile& to);

/// What a group was measured with; the file's first environment for a group that it does not have.
[[nodiscard]] const KeyValues& environment_of(const ResultFile& file, std::string_view group);

/// A machine, and the groups that ran on it.
struct Machine {
  KeyValues environment;  // of the first of them
  std::vector<std::string> groups;
};
/// The machines of a file's groups, by kMachineFacts, in the order of their first group; of a file without groups, the
/// machine that it names. A group that went on elsewhere from a checkpoint has several.
[[nodiscard]] std::vector<Machine> machines_of(const ResultFile& file);

/// `s1, s2, s3 and 4 more`
[[nodiscard]] std::string listed_groups(const Machine& machine);

}  // namespace stepbench
