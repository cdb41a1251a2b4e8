// Writes the files that test_program.py compares: base.h5, slow.h5 (20 % slower), few.h5 (7 rounds).
#include <filesystem>

#include "core/results/result_file.hpp"
#include "tests/compare/compare_files.hpp"

int main(int count, char** arguments) {
  using namespace stepbench;
  if (count != 2) return 2;
  const std::filesystem::path folder = arguments[1];
  publish(to_image(testing::compared_file(1, 3)), folder / "base.h5", IfExists::refuse);
  publish(to_image(testing::compared_file(0.8, 3)), folder / "slow.h5", IfExists::refuse);
  publish(to_image(testing::compared_file(1, 1, 7)), folder / "few.h5", IfExists::refuse);
  return 0;
}
