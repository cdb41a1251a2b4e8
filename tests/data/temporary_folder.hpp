// A folder of its own for one test, gone with it; the writing of files; and the message of an InputError.
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "core/error.hpp"

namespace stepbench::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    static std::atomic<int> count{0};
    path_ = std::filesystem::temp_directory_path() /
            ("stepbench-data-test-" + std::to_string(getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

template <typename Byte>
void write_file(const std::filesystem::path& path, std::span<const Byte> bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// The message with which `action` throws an InputError; empty when it does not throw.
template <typename Action>
std::string input_error(Action action) {
  try {
    (void)action();
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

}  // namespace stepbench::test
