// One sweep from the files of its shards (`run --shard I/N`): whether they belong together, and whether they are all.
// Not here: where the files come from, and where the joined one goes.
#pragma once

#include <string>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench {

/// What there is of a shard.
struct ShardPart {
  std::string name;                          // its file, for messages
  ResultFile file = {};                      // with the groups that are finished
  std::vector<std::string> unfinished = {};  // ids of groups that were begun
};

/// The whole sweep in its order, as one run would have left it; each group keeps its own environment, and what
/// describes the run comes from the shard of the lowest index. The shards may be of different cuts (1/2, 3/4, 4/4), if
/// each group is there once. Throws InputError, one line: a file that is of no shard; parts that differ in config,
/// program or data, with what differs; groups that are missing, doubled or unfinished, by their ids.
[[nodiscard]] ResultFile join_shards(std::vector<ShardPart> parts);

/// In what `other` is another sweep than `one`: `s1 and s2 are trained on other data`. Empty when it is the same.
[[nodiscard]] std::string sweep_difference(const ShardRecord& one, const ShardRecord& other);

}  // namespace stepbench
