// A published file's bytes, checked against its trailer. Everything that can be wrong with a file is found here, before
// HDF5 sees a byte of it.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "core/error.hpp"
#include "core/input_file.hpp"
#include "core/results/result_file.hpp"
#include "core/results/trailer.hpp"

namespace stepbench {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& what) { throw InputError(path.string() + ": " + what); }

std::vector<std::byte> read_bytes(const fs::path& path) {
  const InputFile file(path);
  std::vector<std::byte> bytes(static_cast<std::size_t>(file.size()));
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = ::read(file.descriptor(), bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, std::string("cannot be read: ") + std::strerror(errno));
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

std::uint64_t little_endian(std::span<const std::byte> bytes, std::size_t offset) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[offset + i]);
  return value;
}

/// Where the HDF5 part of a file ends by its own superblock (HDF5 File Format Specification 3.0, II.A), for 8-byte
/// addresses; nothing when that cannot be told.
std::optional<std::uint64_t> hdf5_end(std::span<const std::byte> bytes) {
  constexpr std::size_t kVersion = 8;                     // offset of the superblock's version
  constexpr std::size_t kEnd[] = {40, 44, 28, 28};        // offset of the end-of-file address in each version
  constexpr std::size_t kAddressSize[] = {13, 13, 9, 9};  // offset of the size of an address
  if (bytes.size() <= kVersion) return std::nullopt;
  const auto version = std::to_integer<std::size_t>(bytes[kVersion]);
  if (version >= std::size(kEnd) || bytes.size() < kEnd[version] + 8) return std::nullopt;
  if (bytes[kAddressSize[version]] != std::byte{8}) return std::nullopt;
  return little_endian(bytes, kEnd[version]);
}

bool magic_at(std::span<const std::byte> bytes, std::size_t offset) {
  const std::size_t count = std::min(kTrailerMagic.size(), bytes.size() - offset);
  return std::memcmp(bytes.data() + offset, kTrailerMagic.data(), count) == 0;
}

/// Why `bytes`, HDF5 without a trailer at its end, is not a file of ours. Only words: it is refused in any case.
const char* explain_missing_trailer(std::span<const std::byte> bytes) {
  const std::optional<std::uint64_t> end = hdf5_end(bytes);
  if (!end) return "is damaged or truncated, or not a stepbench result file";
  if (bytes.size() < *end) return "is truncated";
  if (bytes.size() == *end)
    return "is an HDF5 file, but not a stepbench result file (or its last 32 bytes are missing)";
  if (!magic_at(bytes, *end))
    return bytes.size() == *end + kTrailerBytes ? "is damaged" : "is an HDF5 file, but not a stepbench result file";
  return bytes.size() < *end + kTrailerBytes ? "is truncated" : "is damaged: more bytes follow where it should end";
}

}  // namespace

std::vector<std::byte> read_published(const fs::path& path) {
  std::vector<std::byte> bytes = read_bytes(path);
  if (bytes.empty()) fail(path, "is empty");
  constexpr unsigned char kSignature[] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  if (bytes.size() < sizeof kSignature || std::memcmp(bytes.data(), kSignature, sizeof kSignature) != 0)
    fail(path, "is not an HDF5 file");
  if (bytes.size() < kTrailerBytes || !magic_at(bytes, bytes.size() - kTrailerBytes))
    fail(path, explain_missing_trailer(bytes));
  const std::size_t size = bytes.size() - kTrailerBytes;
  const Trailer expected = make_trailer(std::span(bytes).first(size));
  if (!std::equal(expected.begin(), expected.end(), bytes.end() - static_cast<std::ptrdiff_t>(kTrailerBytes)))
    fail(path, "is damaged: its contents do not match its checksum");
  bytes.resize(size);
  return bytes;
}

}  // namespace stepbench
