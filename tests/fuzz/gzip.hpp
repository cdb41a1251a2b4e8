// Gzip in memory, so that mutated content gets behind the checksum of a sound gzip file.
#pragma once

#include <zlib.h>

#include <vector>

#include "tests/fuzz/fuzz_program.hpp"

namespace stepbench::fuzz {

inline std::vector<std::uint8_t> gzipped(Bytes content) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16;  // the largest window, gzip's header
  require(deflateInit2(&stream, 1, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib works");
  std::vector<std::uint8_t> packed(deflateBound(&stream, content.size()));
  stream.next_in = const_cast<Bytef*>(content.data());
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  require(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib works");
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace stepbench::fuzz
