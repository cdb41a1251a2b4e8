#include "core/data/idx.hpp"

#include <fmt/format.h>

#include <limits>

#include "core/data/input_stream.hpp"
#include "core/error.hpp"

namespace stepbench {
namespace {

constexpr std::uint32_t kImagesMagic = 0x803;  // unsigned bytes, three dimensions
constexpr std::uint32_t kLabelsMagic = 0x801;  // unsigned bytes, one dimension
constexpr std::int64_t kClasses = 10;
constexpr std::int64_t kLargestSide = 65536;  // of an image: far above any real one, and products still fit 64 bits

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
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] >= kClasses) file.fail(fmt::format("label {} is {}; labels are 0 to {}", i, bytes[i], kClasses - 1));
  }
  return {bytes.begin(), bytes.end()};
}

/// `stem` and `suffix` are joined by a dash as MNIST's site has it, or by a dot as some archives do.
std::filesystem::path find_file(const std::filesystem::path& folder, const std::string& stem,
                                const std::string& suffix) {
  for (const char* joint : {"-", "."}) {
    for (const char* extension : {"", ".gz"}) {
      auto candidate = folder / fmt::format("{}{}{}{}", stem, joint, suffix, extension);
      std::error_code ignored;  // a name that cannot be looked at counts as absent
      if (std::filesystem::exists(candidate, ignored) && !std::filesystem::is_directory(candidate, ignored)) {
        return candidate;
      }
    }
  }
  throw InputError(fmt::format("{}: there is no file {}-{} in this folder (nor {}.{}, nor either with .gz)",
                               folder.string(), stem, suffix, stem, suffix));
}

}  // namespace

Dataset load_mnist(const DatasetSettings&, std::int64_t, const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) {
    throw InputError(fmt::format("{}: is not a folder; give the one that holds MNIST's four files", folder.string()));
  }
  Dataset dataset;
  dataset.outputs = kClasses;
  Images train;
  std::filesystem::path train_path;
  for (const bool training : {true, false}) {
    const std::string stem = training ? "train" : "t10k";
    const auto images_path = find_file(folder, stem + "-images", "idx3-ubyte");
    const auto labels_path = find_file(folder, stem + "-labels", "idx1-ubyte");
    Images images = read_images(images_path);
    Split& split = training ? dataset.train : dataset.validation;
    split.labels = read_labels(labels_path);
    if (static_cast<std::int64_t>(split.labels.size()) != images.count) {
      throw InputError(fmt::format("{}: has {} labels, but {} has {} images", labels_path.string(), split.labels.size(),
                                   images_path.string(), images.count));
    }
    if (training) {
      dataset.features = images.rows * images.columns;
      train = {images.count, images.rows, images.columns, {}};
      train_path = images_path;
    } else if (images.rows != train.rows || images.columns != train.columns) {
      throw InputError(fmt::format("{}: has images of {} x {}, but those of {} are {} x {}", images_path.string(),
                                   images.rows, images.columns, train_path.string(), train.rows, train.columns));
    }
    split.samples = images.count;
    split.features = std::move(images.pixels);
  }
  return dataset;
}

}  // namespace stepbench
