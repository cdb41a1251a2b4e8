// What a table says of rivals in processes of their own: first of all where one is faster than the best of ours, and
// what each ran on. Not here: their rows, which are like any other.
#pragma once

#include <string>

#include "core/results/trial_record.hpp"

namespace stepbench {

/// A line for each group and number of threads in which the fastest peer is faster than the fastest backend of ours,
/// paired by round; empty where none is.
[[nodiscard]] std::string peers_ahead(const ResultFile& file, double margin);

/// A line for each library, with the settings that were the best of those tried; empty where there are no peers.
[[nodiscard]] std::string peer_lines(const ResultFile& file);

}  // namespace stepbench
