// SIGINT, SIGTERM, SIGUSR1 (a batch system's warning), SIGHUP (the terminal is gone) and SIGXCPU (`ulimit -t`): the
// first asks the run to stop after the step it is in; SIGTERM and SIGUSR1, where there is a checkpoint to write, after
// the round (FinishRound). The program ends at once with a second SIGINT, with another signal that comes more than 5 s
// after the first (batch systems send two at a time), and when the step does not come to its end: a library may hang.
// While it finishes a round, such a second signal, or the first SIGINT, is what stops it after the step. Files need no
// care in any case: they are published whole or not at all.
#pragma once

#include <array>
#include <csignal>
#include <string_view>

#include "core/error.hpp"
#include "core/process/stop_signals.hpp"

namespace stepbench {

/// The user stopped the command, which said what is kept: exit code 130.
class Interrupted : public Error {
 public:
  using Error::Error;
};

/// True once a signal came while a StopOnSignal was alive. For the training loop: costs one load. Whoever is told so
/// has 10 s to write what there is and to leave.
[[nodiscard]] bool stop_requested();

/// While it lives, SIGTERM and SIGUSR1 let the round come to its end: stop_requested() does not speak of them, only
/// stop_after_round_requested() does. One at a time.
class FinishRound {
 public:
  FinishRound();
  FinishRound(const FinishRound&) = delete;
  FinishRound& operator=(const FinishRound&) = delete;
  ~FinishRound();
};

/// To be asked between rounds. Whoever is told so has a minute to write a checkpoint and to leave.
[[nodiscard]] bool stop_after_round_requested();

/// How long a step of what is running may take. A step that is not over so long, and 2 s, after a signal never will be.
void expect_step(double seconds);

/// Takes the signals while it lives and gives them back after. A signal that the program was started to ignore
/// (`nohup`, a shell's background job) stays ignored. One at a time.
class StopOnSignal {
 public:
  StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;
  ~StopOnSignal();

  /// The line that is said when the program must be ended in the midst of a step; replaces the one before.
  void set_last_words(std::string_view line);

 private:
  std::array<struct sigaction, kStopSignals.size()> before_{};
};

}  // namespace stepbench
