// Standard output and standard error. What goes to stdout is what a command is for: when it does not arrive, the
// command has failed. What goes to stderr is said on the way: that nobody hears it never ends a command.
#pragma once

#include <string_view>

#include "core/error.hpp"

namespace stepbench {

/// First thing in main(). A standard stream that is closed becomes one that cannot be used, so that no data file gets
/// its number and then what was meant for the stream; and a write to a pipe that nobody reads, or of a file that grows
/// larger than it may, fails instead of killing.
void prepare_standard_streams();

/// The reader of standard output has gone away (`| head`).
class ReaderGone : public OutputError {
 public:
  using OutputError::OutputError;
};

/// Writes to stdout, all of it and at once. Throws OutputError where that fails: ReaderGone, or with the reason.
void write_output(std::string_view text);

/// Sees to it that all arrived which other code (a library's) has printed to stdout. Throws as write_output does.
void flush_output();

/// Writes to stderr what can be written.
void write_remark(std::string_view text) noexcept;

/// Ends the process as the system ends other programs whose reader is gone: quietly, by SIGPIPE.
[[noreturn]] void end_without_reader();

}  // namespace stepbench
