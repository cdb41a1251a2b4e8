// The commands of the program.
#pragma once

#include <string>
#include <vector>

namespace stepbench {

/// Runs the command line (without the program's name) and returns the exit code (exit_code.hpp). Tables go to stdout;
/// progress, warnings and errors (one line, `stepbench: ...`) to stderr.
[[nodiscard]] int run_program(const std::vector<std::string>& arguments);

}  // namespace stepbench
