// Damaged IDX files, by the hundred: whatever the bytes, loading ends in a data set or in an InputError.
#include <algorithm>
#include <catch2/catch.hpp>

#include "core/data/idx.hpp"
#include "core/random.hpp"
#include "idx_files.hpp"

namespace stepbench::testing {
namespace {

/// Flips up to four bits, or cuts the end off, or both.
Bytes damaged(Bytes bytes, RandomStream& random) {
  const std::uint64_t kind = random.below(3);
  if (kind != 0) bytes.resize(random.below(bytes.size()));
  if (kind == 1 || bytes.empty()) return bytes;
  for (std::uint64_t flips = 1 + random.below(4); flips > 0; --flips) {
    // Half of the flips hit the header, where they do the most.
    const std::uint64_t range = random.below(2) == 0 ? std::min<std::uint64_t>(bytes.size(), 24) : bytes.size();
    bytes[random.below(range)] ^= static_cast<std::uint8_t>(1u << random.below(8));
  }
  return bytes;
}

void load_damaged_files(const std::string& extension) {
  IdxFolder files;
  files.write("-", extension);
  RandomStream random(1, Purpose::generated_data);
  const auto target = [&](bool images) {
    return files.folder.path() / ((images ? "train-images-idx3-ubyte" : "train-labels-idx1-ubyte") + extension);
  };
  constexpr int kTrials = 400;
  int loaded = 0, refused = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const bool images = trial % 2 == 0;
    const Bytes& content = images ? files.train_images : files.train_labels;
    const Bytes whole = extension.empty() ? content : gzipped(content);
    write_file(target(images), std::span<const std::uint8_t>(damaged(whole, random)));
    CAPTURE(trial);
    try {
      const Dataset data = load_mnist({}, 0, files.folder.path());
      const auto& pixels = std::get<std::vector<std::uint8_t>>(data.train.features);
      REQUIRE(static_cast<std::int64_t>(pixels.size()) == data.train.samples * data.features);
      ++loaded;
    } catch (const InputError& error) {
      REQUIRE(std::string(error.what()).find('\n') == std::string::npos);
      ++refused;
    }
    write_file(target(images), std::span<const std::uint8_t>(whole));
  }
  CAPTURE(loaded, refused);
  CHECK(loaded > 0);  // else the files were never right to begin with
  CHECK(refused > kTrials / 2);
}

TEST_CASE("damaged plain IDX files load or are refused with one line") { load_damaged_files(""); }
TEST_CASE("damaged gzipped IDX files load or are refused with one line") { load_damaged_files(".gz"); }

}  // namespace
}  // namespace stepbench::testing
