// The main of a program that measures the measuring, for a developer to run and read.
#pragma once

#include <exception>
#include <string>

#include "experiments/terminal/standard_streams.hpp"
#include "variants/openblas/runtime.hpp"

namespace stepbench::testing {

/// What `check` returns, after its output has arrived; 2, with one line, for what it throws.
inline int run_by_hand(const std::string& name, int argc, char** argv, int (*check)(int argc, char** argv)) {
  prepare_standard_streams();
  require_honest_kernels(argv);
  try {
    const int code = check(argc, argv);
    flush_output();
    return code;
  } catch (const std::exception& error) {
    write_remark(name + ": " + error.what() + "\n");
    return 2;
  }
}

}  // namespace stepbench::testing
