// The program: `stepbench COMMAND ...`. See commands.cpp for what there is.
#include <string>
#include <vector>

#include "experiments/commands/commands.hpp"
#include "experiments/terminal/standard_streams.hpp"
#include "variants/openblas/runtime.hpp"

int main(int argc, char** argv) {
  stepbench::prepare_standard_streams();
  stepbench::require_honest_kernels(argv);
  return stepbench::run_program(std::vector<std::string>(argv + 1, argv + argc));
}
