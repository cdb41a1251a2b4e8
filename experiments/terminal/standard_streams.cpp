#include "experiments/terminal/standard_streams.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace stepbench {
namespace {

/// With errno as the failed call left it; 0: of an earlier call, whose reason is lost.
[[noreturn]] void fail() {
  const int error_number = errno;
  std::string message = "the standard output cannot be written";
  if (error_number != 0) message += std::string(": ") + std::strerror(error_number);
  if (error_number == EPIPE) throw ReaderGone(message);
  throw OutputError(message);
}

}  // namespace

void prepare_standard_streams() {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    // open() takes the lowest free number, which is this one: those below it are open by now. The wrong way round: what
    // cannot be read or written must not look as if it could.
    if (open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
  }
}

void write_output(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) fail();
  flush_output();
}

void flush_output() {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) fail();
}

void write_remark(std::string_view text) noexcept {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void end_without_reader() {
  signal(SIGPIPE, SIG_DFL);
  raise(SIGPIPE);
  _exit(128 + SIGPIPE);  // it is blocked
}

}  // namespace stepbench
