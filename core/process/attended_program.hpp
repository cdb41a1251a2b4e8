// A program that is run to its end in this one's place: what it says to stderr is said, what it prints is not, and it
// gets the signals that this process gets. Not here: programs that are spoken to (child_process.hpp).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace stepbench {

struct AttendedEnd {
  int exit_code;   // or 128 and its signal's number
  bool signalled;  // SIGINT, SIGTERM, SIGUSR1, SIGHUP or SIGXCPU came meanwhile, and was passed on
};

/// Waits for it. `environment`: `NAME=value` each, all that it gets. Where this process is killed, it gets SIGTERM.
/// Throws Error where it cannot be started. To be called by the thread that takes the process's signals.
[[nodiscard]] AttendedEnd run_attended(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                                       std::vector<std::string> environment);

}  // namespace stepbench
