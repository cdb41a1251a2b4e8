// Files as bytes, plain or gzipped, with errors that name the file. What the bytes mean is the readers' business.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

namespace stepbench {

/// A file read from front to end; gzip is undone where there is any, as gzread does.
class InputStream {
 public:
  /// Throws InputError when the file cannot be opened, as all methods do when it cannot be read or its gzip is damaged.
  explicit InputStream(std::filesystem::path path);

  /// The next `size` bytes, or what there is of them at the end of the file. Memory grows with what has been read, so
  /// that a header with absurd sizes costs nothing.
  std::vector<std::uint8_t> read(std::int64_t size);

  /// A big-endian 32-bit number.
  std::uint32_t read_number();

  /// Checks that nothing follows, gzip's own checksum included.
  void expect_end(std::string_view promised);

  [[noreturn]] void fail(std::string_view what) const;

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose_r(file); }
  };

  void check() const;

  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

}  // namespace stepbench
