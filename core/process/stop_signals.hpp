// The signals that ask a program to stop. Not here: what each of them means to a run
// (experiments/terminal/interrupt.hpp).
#pragma once

#include <array>
#include <csignal>

namespace stepbench {

inline constexpr std::array kStopSignals = {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGXCPU};

}  // namespace stepbench
