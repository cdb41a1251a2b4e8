// Small IDX files made by hand, plain or gzipped, for the tests of the reader.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "tests/data/input_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace stepbench::testing {

using Bytes = std::vector<std::uint8_t>;

inline void append_number(Bytes& bytes, std::uint32_t number) {
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<std::uint8_t>(number >> shift & 255));
}

/// Pixel p of all is p modulo 251.
inline Bytes image_file(std::uint32_t count, std::uint32_t rows, std::uint32_t columns) {
  Bytes bytes;
  for (const std::uint32_t number : {0x803u, count, rows, columns}) append_number(bytes, number);
  for (std::uint32_t p = 0; p < count * rows * columns; ++p) bytes.push_back(static_cast<std::uint8_t>(p % 251));
  return bytes;
}

/// Label i is i modulo 10.
inline Bytes label_file(std::uint32_t count) {
  Bytes bytes;
  for (const std::uint32_t number : {0x801u, count}) append_number(bytes, number);
  for (std::uint32_t i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(i % 10));
  return bytes;
}

inline Bytes gzipped(const Bytes& content) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16;
  deflateInit2(&stream, 9, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY);
  Bytes packed(deflateBound(&stream, content.size()));
  stream.next_in = const_cast<Bytef*>(content.data());
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// 12 training and 3 validation images of 4 x 5.
struct IdxFolder {
  TemporaryFolder folder;
  std::string beginning, validation = "t10k";  // of the files' names
  Bytes train_images = image_file(12, 4, 5), train_labels = label_file(12);
  Bytes t10k_images = image_file(3, 4, 5), t10k_labels = label_file(3);

  /// Replaces what an earlier call wrote under the same names.
  void write(const std::string& joint = "-", const std::string& extension = "") const {
    const auto put = [&](const std::string& stem, const std::string& suffix, const Bytes& content) {
      const auto path = folder.path() / (beginning + stem + joint + suffix + extension);
      write_file(path, std::span<const std::uint8_t>(extension.empty() ? content : gzipped(content)));
    };
    put("train-images", "idx3-ubyte", train_images);
    put("train-labels", "idx1-ubyte", train_labels);
    put(validation + "-images", "idx3-ubyte", t10k_images);
    put(validation + "-labels", "idx1-ubyte", t10k_labels);
  }
};

}  // namespace stepbench::testing
