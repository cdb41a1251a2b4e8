// Which thread runs on which CPU: from what the machine is made of to a CPU for each thread of a trial. Pure: reads no
// system, so that machines can be made up (topology.hpp).
//
// Left out: the binding itself (core/affinity.hpp), memory, and what other processes run where.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/settings.hpp"

namespace stepbench {

/// A logical CPU and what it has in common with others: those of equal numbers share it.
struct LogicalCpu {
  int number = 0;                                  // as Linux counts
  int package = 0, node = 0, cache = 0, core = 0;  // node: of memory (NUMA); cache: of the last level
  int kind = 0;                                    // of a hybrid CPU's cores; 0: the fastest
};

/// A level of the caches.
struct CacheLevel {
  std::string name;         // `L2`
  std::uint64_t bytes = 0;  // of each
  int cores = 1;            // that share one
};

struct Topology {
  std::vector<LogicalCpu> cpus;         // that may be used, neighbours beside each other
  std::vector<CacheLevel> caches = {};  // from the innermost; of the first CPU
  std::optional<double> quota;          // cores' worth of time that a control group leaves
  std::string unknown;                  // why it is not known: then there are no CPUs
};

/// A CPU for each of `threads`, thread 0 being the caller's; none, and why, where they are not to be pinned.
///
/// Every core gets a thread before any gets a second, a hybrid CPU's fast ones first. `compact`: on as few memory
/// nodes, and in them on as few last-level caches, as hold the threads. `spread`: over packages, nodes and caches in
/// turn. CPU 0, which often serves interrupts, comes last among those that are as good.
///
/// `automatic` is `compact` where that can only help. It leaves alone
/// - more threads than physical cores: which two share one is better decided by who sees what else runs;
/// - a container with time for fewer CPUs than it may use: its neighbours, told the same, would choose the same ones;
/// - one thread where it is equally well off everywhere: nobody is to be kept away from it, and the system, which
///   leaves a lone busy thread where it is, can still move it from a core that serves interrupts or another program.
///   With several memory nodes, or kinds of cores, it is not: it is pinned.
[[nodiscard]] ThreadPlaces place_threads(Pin pin, std::int64_t threads, const Topology& topology);

}  // namespace stepbench
