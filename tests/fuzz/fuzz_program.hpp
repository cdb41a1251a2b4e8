// What the fuzz programs share: a folder for their files, and the promise that all readers make. libFuzzer calls
// LLVMFuzzerTestOneInput with one input after the other; a broken promise ends the program, which libFuzzer reports
// with the input that did it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "tests/support/temporary_folder.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace stepbench::fuzz {

using Bytes = std::span<const std::uint8_t>;

inline void require(bool holds, std::string_view promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %.*s\n", static_cast<int>(promise.size()), promise.data());
  std::abort();
}

/// Lives as long as the program, unless that crashes: scripts/fuzz points TMPDIR at a folder to throw away.
using Folder = testing::TemporaryFolder;

inline void write_file(const std::filesystem::path& path, Bytes bytes) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  require(file != nullptr, "the input's file can be opened");
  require(std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size(), "the input's file can be written");
  require(std::fclose(file) == 0, "the input's file can be closed");
}

/// Of processor time: on a busy machine the clock on the wall would blame the innocent. What never ends or only waits
/// is left to libFuzzer's own time-out.
class TimeLimit {
 public:
  ~TimeLimit() { require(std::clock() - start_ < kLongestSeconds * CLOCKS_PER_SEC, "no input takes 2 s"); }

 private:
  static constexpr std::clock_t kLongestSeconds = 2;
  std::clock_t start_ = std::clock();
};

/// Runs `read`: it may succeed or throw InputError with one line that `names_culprit` likes. Anything else, other
/// exceptions too, is a finding. True when it succeeded.
template <typename Read, typename NamesCulprit>
bool reads_or_refuses(Read read, NamesCulprit names_culprit) {
  const TimeLimit limit;
  try {
    read();
    return true;
  } catch (const InputError& error) {
    const std::string_view message = error.what();
    require(message.find_first_of("\r\n") == std::string_view::npos, "a message is one line");
    require(names_culprit(message), "a message says where the fault is");
    return false;
  }
}

}  // namespace stepbench::fuzz
