// What of an earlier run can stand for what would be run now: trials of equal settings, data, program and libraries,
// group by group, since the trials of a group were measured against each other; and checkpoints of groups under way.
//
// Not compared: the machine (the results say which), and the content of a `model.init = file:` beyond its name.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/results/trial_record.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/terminal/progress.hpp"

namespace stepbench {

/// The program and the libraries that make a trial's bits.
struct RunIdentity {
  std::string version, git_commit;
  bool git_dirty = false;
  std::string binary_digest;           // XXH3-128 of the executable; empty where it cannot be read
  std::vector<std::string> libraries;  // in the order of those of library_facts() that make bits
  bool operator==(const RunIdentity&) const = default;
};
[[nodiscard]] RunIdentity this_identity();
/// What a result file says of one of its groups; empty texts for what it does not.
[[nodiscard]] RunIdentity identity_of(const ResultFile& file, std::string_view group);
[[nodiscard]] RunIdentity identity_of(const ResultFile& file, const KeyValues& environment);

/// Why the stored trial is not the planned one: `training.epochs is 2, now 3; the data differ`. Empty when it is.
[[nodiscard]] std::string difference(const TrialRecord& stored, const RunIdentity& stored_identity,
                                     const PlannedTrial& planned, const RunIdentity& identity);

struct FinishedWork {
  std::vector<bool> groups;           // by index in the plan: every trial finished, all measured in the same rounds
  std::set<std::string> trials;       // ids with a sound file of a finished trial, whatever the rest of their group
  std::set<std::string> interrupted;  // ids of groups of which a signal stopped a trial
};

/// Looks through the trial files of an earlier run. Warns of damaged ones, which are run again. Throws InputError when
/// one is of another trial than the plan's, or of another shard; nothing has been touched then.
[[nodiscard]] FinishedWork find_finished(std::span<const PlannedGroup> groups, const ShardRecord& shard,
                                         std::span<const std::filesystem::path> trial_files, Progress& progress);

/// The checkpoints to go on from, by the group's index in the plan. Warns of damaged ones, whose groups start anew.
/// Throws InputError when one is of another group than the plan's, of another build, settings, data or shard;
/// nothing has been touched then.
[[nodiscard]] std::map<std::size_t, std::filesystem::path> find_checkpoints(
    std::span<const PlannedGroup> groups, const ShardRecord& shard, std::span<const std::filesystem::path> files,
    Progress& progress);

/// Reads the collection of a run that came to its end. Throws InputError when it does not hold exactly the plan's
/// trials, or is of another shard, or of one of another sweep.
[[nodiscard]] ResultFile read_complete(const std::filesystem::path& file, std::span<const PlannedGroup> groups,
                                       const ShardRecord& shard);

}  // namespace stepbench
