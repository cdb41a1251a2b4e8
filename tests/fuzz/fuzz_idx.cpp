// Fuzzes the reading of MNIST's four IDX files. The first byte of an input says which of them come from the input (bits
// 0 to 3: training images, training labels, test images, test labels; the others are sound) and whether they are
// gzipped here (bit 4). Then follow the files, each but the last behind its length in two bytes, the high one first.
#include <array>

#include "core/data/idx.hpp"
#include "tests/fuzz/gzip.hpp"

namespace {

using namespace stepbench;

constexpr std::array<const char*, 4> kNames = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                               "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
constexpr std::uint8_t kGzipBit = 1 << 4;

void append_number(std::vector<std::uint8_t>& bytes, std::uint32_t number) {
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<std::uint8_t>(number >> shift & 255));
}

/// Three samples, of 2 x 2 pixels.
std::vector<std::uint8_t> sound_file(std::size_t file) {
  const bool images = file % 2 == 0;
  std::vector<std::uint8_t> bytes;
  for (const std::uint32_t number : {images ? 0x803u : 0x801u, 3u}) append_number(bytes, number);
  if (images) {
    for (const std::uint32_t side : {2u, 2u}) append_number(bytes, side);
  }
  bytes.resize(bytes.size() + (images ? 12 : 3), 7);
  return bytes;
}

fuzz::Bytes take_file(fuzz::Bytes& input, bool is_last) {
  constexpr std::size_t kPrefix = 2;
  std::size_t length = input.size();
  if (!is_last && input.size() >= kPrefix) {
    const std::size_t wanted = std::size_t{input[0]} << 8 | input[1];
    input = input.subspan(kPrefix);
    length = std::min(wanted, input.size());
  }
  const fuzz::Bytes file = input.first(length);
  input = input.subspan(length);
  return file;
}

void check(const Split& split, std::int64_t features, std::int64_t classes) {
  const auto& pixels = std::get<std::vector<std::uint8_t>>(split.features);
  fuzz::require(split.samples > 0, "a split that loads has samples");
  fuzz::require(static_cast<std::int64_t>(pixels.size()) == split.samples * features, "every sample has its pixels");
  fuzz::require(static_cast<std::int64_t>(split.labels.size()) == split.samples, "every sample has a label");
  for (const std::int32_t label : split.labels) fuzz::require(label >= 0 && label < classes, "labels are classes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  static std::array<bool, kNames.size()> is_sound{};  // on disk; rewriting what is there would cost most of the time
  if (size == 0) return 0;
  const std::uint8_t choice = data[0];
  fuzz::Bytes input(data + 1, size - 1);
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const bool from_input = (choice >> i & 1) != 0;
    if (!from_input && !is_sound[i]) fuzz::write_file(folder / kNames[i], sound_file(i));
    is_sound[i] = !from_input;
    if (!from_input) continue;
    const bool is_last = (choice & 0xF) >> (i + 1) == 0;
    const fuzz::Bytes file = take_file(input, is_last);
    if ((choice & kGzipBit) != 0) {
      fuzz::write_file(folder / kNames[i], fuzz::gzipped(file));
    } else {
      fuzz::write_file(folder / kNames[i], file);
    }
  }
  const std::filesystem::path path = folder / "";
  fuzz::reads_or_refuses(
      [&] {
        const Dataset dataset = load_mnist({}, 0, path);
        check(dataset.train, dataset.features, dataset.outputs);
        check(dataset.validation, dataset.features, dataset.outputs);
      },
      [&](std::string_view message) { return message.starts_with(path.string()); });
  return 0;
}
