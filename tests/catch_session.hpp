// What a test program's main() calls.
#pragma once

namespace stepbench::testing {

/// Runs the tests that the command line chooses; returns the exit code.
[[nodiscard]] int run_tests(int argc, char** argv);

}  // namespace stepbench::testing
