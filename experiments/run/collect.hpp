// The shards of a sweep, put together: the files of `run --shard I/N` in, one file as a whole run writes it out.
#pragma once

#include <filesystem>
#include <span>

#include "core/results/trial_record.hpp"

namespace stepbench {

/// Reads the shards' files and joins them (core/results/shards.hpp). Where the run of one did not come to its file, the
/// groups that it did finish are taken from FILE.trials/. Throws InputError: a file that is not there or cannot be
/// read, files that are not the whole of one sweep.
[[nodiscard]] ResultFile collect_shards(std::span<const std::filesystem::path> files);

}  // namespace stepbench
