// The program: `stepbench COMMAND ...`. See commands.cpp for what there is.
#include <string>
#include <vector>

#include "experiments/commands.hpp"
#include "variants/openblas_runtime.hpp"

int main(int argc, char** argv) {
  stepbench::require_honest_kernels(argv);
  return stepbench::run_program(std::vector<std::string>(argv + 1, argv + argc));
}
