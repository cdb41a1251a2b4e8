// SIGINT and SIGTERM: the first asks the run to stop after the step it is in, the second ends the program at once.
// Files need no care in either case: they are published whole or not at all.
#pragma once

#include <csignal>

#include "core/error.hpp"

namespace stepbench {

/// The user stopped the command, which said what is kept: exit code 130.
class Interrupted : public Error {
 public:
  using Error::Error;
};

/// True once SIGINT or SIGTERM came while a StopOnSignal was alive. For the training loop: costs one load.
[[nodiscard]] bool stop_requested();

/// Takes both signals while it lives and gives them back after. A signal that the program was started to ignore
/// (`nohup`, a shell's background job) stays ignored. One at a time.
class StopOnSignal {
 public:
  StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;
  ~StopOnSignal();

 private:
  struct sigaction interrupt_before_ {
  }, terminate_before_{};
};

}  // namespace stepbench
