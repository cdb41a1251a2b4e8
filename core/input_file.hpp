// Opening an ordinary file to read it, and the reason when that cannot be done. What the bytes mean is its readers'
// business.
#pragma once

#include <cstdint>
#include <filesystem>

namespace stepbench {

class InputFile {
 public:
  /// Throws InputError, `FILE: reason`: it is not there, may not be read, is a folder, or a pipe or device.
  explicit InputFile(const std::filesystem::path& path);
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile();

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::int64_t size() const { return size_; }  // bytes, when it was opened

  /// Takes a lock for reading, which the file keeps while this lives. 0, or why it cannot be had: EWOULDBLOCK when
  /// another process holds it for writing.
  [[nodiscard]] int lock_for_reading() const;

 private:
  int descriptor_;
  std::int64_t size_ = 0;
};

}  // namespace stepbench
