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

namespace stepbench {

/// How it is started, besides its words.
struct ChildSetting {
  std::vector<std::string> environment;  // `NAME=value` each, all that the child gets
  bool own_group = false;                // a Ctrl-C at the terminal is not for it then, and what it starts ends with it
};

/// One end of a child's line of life: as long as this object lives, so does the process, at most, also where this
/// process is killed. It may run on the CPUs of the thread that makes it.
class ChildProcess {
 public:
  /// Throws InputError where the program cannot be run, Error where the machine has no room for another process. To be
  /// called by a thread that lives as long as the child: with it, the system ends the child.
  ChildProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments,
               const ChildSetting& setting);
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

  /// Stops all its threads, wherever they are, and lets them go on.
  void pause() const;
  void resume() const;

  /// False when the child is gone.
  [[nodiscard]] bool write_line(std::string_view line);

  /// Lets the child end (a second; then it is killed). Its exit code, or 128 and its signal's number.
  int wait();

  /// The last line with a letter that it wrote to stderr; empty for none.
  [[nodiscard]] std::string last_complaint() const;

  [[nodiscard]] pid_t id() const { return id_; }

 private:
  [[nodiscard]] pid_t target() const { return own_group_ ? -id_ : id_; }  // of signals

  bool own_group_;
  pid_t id_ = -1;
  int socket_ = -1;      // both ways
  int complaints_ = -1;  // its stderr: a file in memory, as a pipe that nobody reads would stop it when full
  std::string received_;
  std::optional<int> exit_code_;
};

}  // namespace stepbench
