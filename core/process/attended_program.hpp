// This program, run once more to its end in a process of its own: what it says to stderr is said, what it prints is
// not, and it gets the signals to stop that this process gets. Not here: programs that are spoken to
// (child_process.hpp).
#pragma once

#include <string>
#include <vector>

namespace stepbench {

struct AttendedEnd {
  int exit_code;   // or 128 and its signal's number
  bool signalled;  // one of kStopSignals (stop_signals.hpp) that is not ignored came meanwhile, and was passed on
};

/// Waits for it. It is of this build, also where the program's file was replaced or removed since. `environment`:
/// `NAME=value` each, all that it gets. Where this process is killed, it gets SIGTERM. Throws Error where it cannot be
/// started. To be called by the thread that takes the process's signals.
[[nodiscard]] AttendedEnd run_attended(const std::vector<std::string>& arguments, std::vector<std::string> environment);

}  // namespace stepbench
