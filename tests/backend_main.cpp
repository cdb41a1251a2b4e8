// Catch2's main for the programs that compute with OpenBLAS: set up as the program itself is, first thing.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "variants/openblas/runtime.hpp"

int main(int argc, char** argv) {
  stepbench::require_honest_kernels(argv);
  return Catch::Session().run(argc, argv);
}
