// The program's exit codes.
#pragma once

namespace stepbench {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,        // output that cannot be written, a trial that threw
  kExitUsage = 2,          // command line, config or input file
  kExitRegression = 3,     // with --fail-if: slower than allowed, not reproduced
  kExitInconclusive = 4,   // with --fail-if: that cannot be told
  kExitGateFailed = 5,     // a backend computes something else than the reference
  kExitInterrupted = 130,  // by a signal, and resumable: what a shell says of a program that SIGINT ended
};

}  // namespace stepbench
