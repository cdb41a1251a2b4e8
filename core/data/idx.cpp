#include "core/data/idx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/data/idx_files.hpp"
#include "core/data/input_stream.hpp"
#include "core/error.hpp"

namespace stepbench {
namespace {

constexpr std::uint32_t kImagesMagic = 0x803;  // unsigned bytes, three dimensions
constexpr std::uint32_t kLabelsMagic = 0x801;  // unsigned bytes, one dimension
constexpr std::int64_t kFewestClasses = 10;    // a small part of a set of ten may lack some
constexpr std::int64_t kLargestSide = 65536;   // of an image: far above any real one, and products still fit 64 bits

struct Images {
  std::int64_t count = 0, rows = 0, columns = 0;
  std::vector<std::uint8_t> pixels;  // (count, rows, columns)
};

void check_magic(InputStream& file, std::uint32_t expected, std::string_view what) {
  const std::uint32_t magic = file.read_number();
  if (magic != expected) {
    file.fail(fmt::format("is not an IDX file of {}: it starts with {:#010x}, not {:#010x}", what, magic, expected));
  }
}

std::vector<std::uint8_t> read_payload(InputStream& file, std::int64_t size, const std::string& promised) {
  auto bytes = file.read(size);
  if (static_cast<std::int64_t>(bytes.size()) < size) {
    file.fail(fmt::format("ends too early: its header promises {} ({} bytes), {} bytes follow", promised, size,
                          bytes.size()));
  }
  file.expect_end(promised);
  return bytes;
}

Images read_images(const std::filesystem::path& path) {
  InputStream file(path);
  check_magic(file, kImagesMagic, "images");
  Images images;
  images.count = file.read_number();
  images.rows = file.read_number();
  images.columns = file.read_number();
  const std::string promised = fmt::format("{} images of {} x {}", images.count, images.rows, images.columns);
  if (images.count < 1) file.fail("holds no images");
  if (images.rows < 1 || images.rows > kLargestSide || images.columns < 1 || images.columns > kLargestSide ||
      images.count > std::numeric_limits<std::int64_t>::max() / (images.rows * images.columns)) {
    file.fail(fmt::format("has a header that cannot be true: {}", promised));
  }
  images.pixels = read_payload(file, images.count * images.rows * images.columns, promised);
  return images;
}

std::vector<std::int32_t> read_labels(const std::filesystem::path& path) {
  InputStream file(path);
  check_magic(file, kLabelsMagic, "labels");
  const std::int64_t count = file.read_number();
  if (count < 1) file.fail("holds no labels");
  const auto bytes = read_payload(file, count, fmt::format("{} labels", count));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

Dataset load_mnist(const DatasetSettings&, std::int64_t, const std::filesystem::path& path) {
  const IdxFiles files = find_idx_files(path);
  Dataset dataset;
  dataset.outputs = kFewestClasses;
  Images train;
  for (const bool training : {true, false}) {
    const auto& images_path = training ? files.train_images : files.validation_images;
    const auto& labels_path = training ? files.train_labels : files.validation_labels;
    Images images = read_images(images_path);
    Split& split = training ? dataset.train : dataset.validation;
    split.labels = read_labels(labels_path);
    if (static_cast<std::int64_t>(split.labels.size()) != images.count) {
      throw InputError(fmt::format("{}: has {} labels, but {} has {} images", labels_path.string(), split.labels.size(),
                                   images_path.string(), images.count));
    }
    dataset.outputs =
        std::max(dataset.outputs, std::int64_t{1} + *std::max_element(split.labels.begin(), split.labels.end()));
    if (training) {
      dataset.features = images.rows * images.columns;
      train = {images.count, images.rows, images.columns, {}};
    } else if (images.rows != train.rows || images.columns != train.columns) {
      throw InputError(fmt::format("{}: has images of {} x {}, but those of {} are {} x {}", images_path.string(),
                                   images.rows, images.columns, files.train_images.string(), train.rows,
                                   train.columns));
    }
    split.samples = images.count;
    split.features = std::move(images.pixels);
  }
  return dataset;
}

}  // namespace stepbench
