// For the programs that compute with OpenBLAS: set up as the program itself is, first thing.
#include "tests/catch_session.hpp"
#include "variants/openblas/runtime.hpp"

int main(int argc, char** argv) {
  stepbench::require_honest_kernels(argv);
  return stepbench::testing::run_tests(argc, argv);
}
