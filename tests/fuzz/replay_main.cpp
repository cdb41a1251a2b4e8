// Runs a fuzz program once over files, or the files in folders, where libFuzzer is not at hand. Options, which begin
// with a dash, are libFuzzer's and are passed over.
#include <iostream>
#include <iterator>
#include <vector>

#include "tests/fuzz/fuzz_program.hpp"

namespace {

void replay(const std::filesystem::path& path) {
  std::cerr << "replaying " << path.string() << '\n';
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  stepbench::fuzz::require(file.good() || file.eof(), "the seed can be read");
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  int replayed = 0;
  for (const std::string_view argument : std::span(argv, static_cast<std::size_t>(argc)).subspan(1)) {
    if (argument.starts_with('-')) continue;
    if (!std::filesystem::is_directory(argument)) {
      replay(argument);
      ++replayed;
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argument)) {
      replay(entry.path());
      ++replayed;
    }
  }
  std::cerr << replayed << " replayed\n";
  return replayed > 0 ? 0 : 1;
}
