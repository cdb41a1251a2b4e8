// Inside core/results only: the 32 bytes after an HDF5 image that seal it (result_file.hpp gives the layout).
#pragma once

#include <array>
#include <cstring>
#include <span>

#include "core/digest.hpp"

namespace stepbench {

// As PNG's: a byte that is not text first and a line end last, so that a transfer in text mode shows.
inline constexpr std::array<char, 8> kTrailerMagic = {'\x89', 'S', 'B', 'E', 'N', 'C', 'H', '\n'};
inline constexpr std::size_t kTrailerBytes = 32;
using Trailer = std::array<std::byte, kTrailerBytes>;

[[nodiscard]] inline Trailer make_trailer(std::span<const std::byte> image) {
  Trailer trailer;
  std::memcpy(trailer.data(), kTrailerMagic.data(), kTrailerMagic.size());
  for (std::size_t i = 0; i < 8; ++i) trailer[8 + i] = static_cast<std::byte>(image.size() >> (8 * i) & 0xff);
  Digest digest;
  digest.add(image);
  const std::string hex = digest.hex();
  const auto nibble = [&](std::size_t i) { return hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10; };
  for (std::size_t i = 0; i < 16; ++i) trailer[16 + i] = static_cast<std::byte>(nibble(2 * i) * 16 + nibble(2 * i + 1));
  return trailer;
}

}  // namespace stepbench
