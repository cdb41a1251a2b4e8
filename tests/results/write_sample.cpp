// Publishes the sample file of the tests under the given path, for the tests that are not C++.
#include <cstdio>
#include <exception>

#include "core/results/result_file.hpp"
#include "tests/results/sample_files.hpp"

int main(int count, char** arguments) try {
  if (count != 2) return 2;
  stepbench::publish(stepbench::to_image(stepbench::testing::rich_file()), arguments[1], stepbench::IfExists::replace);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
