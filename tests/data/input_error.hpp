// Writing the bytes of a data set's file, and the message of an InputError.
#pragma once

#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "core/error.hpp"

namespace stepbench::testing {

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

}  // namespace stepbench::testing
