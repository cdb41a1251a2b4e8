// `run --repeat N`: the whole experiment in N processes of this program, one after the other, each with its own start,
// its own peers and its own place in memory, so that how far processes differ is part of what is known. Each is an
// ordinary run, FILE.trials/process-1.h5 and so on, which stays until all are joined (join_processes.hpp).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "experiments/run/runner.hpp"

namespace stepbench {

struct Repeat {
  std::size_t processes = 2;
  /// Of the `run` that each process is, but for --output and --resume: the config, each --set, how much it says.
  std::vector<std::string> arguments;
};

/// As run_experiment, of all processes. A process that was interrupted ends the run: Interrupted, which says how to go
/// on; one that could write no result file ends it with OutputError.
[[nodiscard]] ResultFile run_repeatedly(const RunRequest& request, const Repeat& repeat, Progress& progress);

}  // namespace stepbench
