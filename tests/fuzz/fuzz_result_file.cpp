// Fuzzes the check that stands between a result file and HDF5: what was changed anywhere is refused, what was not is
// taken. The first byte of an input says whether the rest is a file (0) or a list of changes to a sound file (else):
// two bytes of offset (a big-endian part of 65536 of the length) and a third that is flipped in there; an odd byte at
// the end cuts so many bytes off (up to 127) or puts some on.
//
// Left out: damage behind a right trailer, which crashes HDF5 1.10 (and is why there is a trailer);
// tests/results/test_damaged_image.cpp puts that into child processes.
#include <algorithm>
#include <vector>

#include "core/results/result_file.hpp"
#include "tests/fuzz/fuzz_program.hpp"
#include "tests/results/sample_files.hpp"

namespace {

using namespace stepbench;

std::vector<std::uint8_t> published_bytes(const std::filesystem::path& path) {
  publish(to_image(testing::minimal_file()), path, IfExists::replace);
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::uint8_t> changed(std::vector<std::uint8_t> bytes, fuzz::Bytes changes) {
  while (changes.size() >= 3) {
    const std::size_t part = std::size_t{changes[0]} << 8 | changes[1];
    bytes[part * bytes.size() >> 16] ^= changes[2];
    changes = changes.subspan(3);
  }
  if (changes.size() == 1) {
    const std::size_t count = changes[0] & 127;
    bytes.resize(changes[0] < 128 ? bytes.size() - count : bytes.size() + count, 0x5A);
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  const std::filesystem::path path = folder / "run.h5";
  static const std::vector<std::uint8_t> sound = published_bytes(path);
  if (size == 0) return 0;
  const fuzz::Bytes rest(data + 1, size - 1);
  const std::vector<std::uint8_t> bytes =
      data[0] == 0 ? std::vector<std::uint8_t>(rest.begin(), rest.end()) : changed(sound, rest);
  fuzz::write_file(path, bytes);
  const bool taken =
      fuzz::reads_or_refuses([&] { (void)read_published(path); },
                             [&](std::string_view message) { return message.starts_with(path.string() + ": "); });
  fuzz::require(taken == (bytes == sound), "a file is taken when nothing in it was changed, and only then");
  return 0;
}
