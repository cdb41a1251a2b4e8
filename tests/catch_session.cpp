// Catch2's own code, compiled once for all test programs.
#define CATCH_CONFIG_RUNNER
#include "tests/catch_session.hpp"

#include <catch2/catch.hpp>

namespace stepbench::testing {

int run_tests(int argc, char** argv) { return Catch::Session().run(argc, argv); }

}  // namespace stepbench::testing
