// A program started by this one, and spoken to in lines over its stdin and stdout. Knows nothing of what is said.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepbench::race {

/// One end of a child's line of life: as long as this object lives, so does the process, at most.
class ChildProcess {
 public:
  /// `environment`: `NAME=value` each, all that the child gets. Throws InputError where the program cannot be run,
  /// Error where the machine has no room for another process.
  ChildProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments,
               const std::vector<std::string>& environment);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();  // kills it if it still runs, and reaps it

  enum class Reading { line, ended, too_long, timed_out };
  struct Line {
    Reading reading;
    std::string text;  // without its end; what came so far unless `reading` is `line`
  };

  /// Waits for a line of at most `longest` characters; without `patience`, for as long as the child lives.
  [[nodiscard]] Line read_line(std::size_t longest, std::optional<std::chrono::milliseconds> patience = std::nullopt);

  /// False when the child is gone.
  [[nodiscard]] bool write_line(std::string_view line);

  /// Lets the child end (a second; then it is killed). Its exit code, or 128 and its signal's number.
  int wait();

  /// The last line that it wrote to stderr; empty for none.
  [[nodiscard]] std::string last_complaint() const;

  [[nodiscard]] pid_t id() const { return id_; }

 private:
  pid_t id_ = -1;
  int socket_ = -1;      // both ways
  int complaints_ = -1;  // its stderr: a file in memory, as a pipe that nobody reads would stop it when full
  std::string received_;
  std::optional<int> exit_code_;
};

}  // namespace stepbench::race
