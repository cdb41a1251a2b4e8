// What the threads of processes ran and waited, as the system counts it (/proc/PID/task).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace stepbench {

struct ThreadTimes {
  double running = 0;               // s, on a core
  double waiting = 0;               // s, ready and without one
  double involuntary_switches = 0;  // off a core
};

/// Of each living thread of the processes (none: of this one), by its number; empty where the system does not tell.
[[nodiscard]] std::map<std::string, ThreadTimes> thread_times(std::span<const pid_t> processes = {});

/// How many threads did a share of the work between the two readings. Out of `threads`, a tenth of an equal share
/// counts: workers that only wake up and find nothing to do stay far below it.
[[nodiscard]] std::int64_t threads_that_worked(const std::map<std::string, ThreadTimes>& before,
                                               const std::map<std::string, ThreadTimes>& after, std::int64_t threads);

}  // namespace stepbench
