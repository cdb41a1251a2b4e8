// The program that each rank of a trial runs: `mpirun -n 4 stepbench-rank`. It is started by stepbench, not by hand.
#include <signal.h>
#include <sys/prctl.h>

#include "variants/openblas/runtime.hpp"
#include "variants/rank_program/worker.hpp"

int main(int, char** argv) {
  stepbench::require_honest_kernels(argv);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // with its launcher
  const stepbench::World world;
  return stepbench::serve_rank(world);
}
