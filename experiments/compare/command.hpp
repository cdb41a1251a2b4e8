// `stepbench compare`: which trials differ in speed and in what they learn, within a file or between two.
#pragma once

#include "experiments/options.hpp"

namespace stepbench {

[[nodiscard]] CommandLine compare_command_line();

/// Prints the comparison. Returns kExitOk, or what --fail-if finds: kExitRegression, kExitInconclusive. Throws
/// InputError.
[[nodiscard]] int run_compare(const ParsedCommandLine& arguments);

}  // namespace stepbench
