// One result file from those of several processes that each ran the whole experiment (`run --repeat N`): each group has
// the rounds of all, one process's after the other's, and says of each round which process trained it. Not here:
// running them (repeat.hpp), and what their rounds say together (core/process_mean.hpp).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench {

/// In the order in which they ran. A trial's losses, steps, parameters and checks are those of the first process that
/// completed it; its status is the worst of all. Each process's rounds are segments of their own, so that what is told
/// within a segment is not mixed, and each environment is kept. Throws InputError where the files are not of one
/// experiment on one machine.
[[nodiscard]] ResultFile join_processes(std::vector<ResultFile> parts);

/// How many processes the file's rounds are of; 1 for a run without --repeat.
[[nodiscard]] std::size_t process_count(const ResultFile& file);

/// Trials that promise the same bits on any number of threads, and ended with
/// other parameters in another process: their ids, in the files' order.
[[nodiscard]] std::vector<std::string> trials_with_other_bits(const std::vector<ResultFile>& parts);

}  // namespace stepbench
