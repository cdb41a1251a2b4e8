#include "experiments/interrupt.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>

#include "experiments/exit_code.hpp"

namespace stepbench {
namespace {

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may not wait for a lock");

bool on_terminal = false;  // stderr; written before the handler can run

/// Only what signal-safety(7) allows.
void handle(int /*signal*/) {
  if (stop.exchange(true)) _exit(kExitInterrupted);
  const int error_number = errno;
  // On a terminal a progress bar or `^C` stands on the line.
  constexpr char kText[] = "\nstepbench: stopping after this step; a second signal stops at once\n";
  const std::size_t skipped = on_terminal ? 0 : 1;
  [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, kText + skipped, sizeof kText - 1 - skipped);
  errno = error_number;
}

void take(int signal, struct sigaction& before) {
  sigaction(signal, nullptr, &before);
  if (before.sa_handler == SIG_IGN) return;
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

bool stop_requested() { return stop.load(std::memory_order_relaxed); }

StopOnSignal::StopOnSignal() {
  stop = false;
  on_terminal = isatty(STDERR_FILENO) != 0;
  take(SIGINT, interrupt_before_);
  take(SIGTERM, terminate_before_);
}

StopOnSignal::~StopOnSignal() {
  sigaction(SIGINT, &interrupt_before_, nullptr);
  sigaction(SIGTERM, &terminate_before_, nullptr);
  stop = false;
}

}  // namespace stepbench
