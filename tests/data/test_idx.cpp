// The kind `mnist`: what is read, and what is said of every way in which a file can be wrong.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <numeric>

#include "core/data/idx.hpp"
#include "idx_files.hpp"

namespace stepbench::testing {
namespace {

Dataset load(const std::filesystem::path& folder) {
  DatasetSettings settings;
  settings.kind = "mnist";
  settings.path = folder.string();
  return load_dataset(settings, 0, {});
}
const std::vector<std::uint8_t>& pixels(const Split& split) {
  return std::get<std::vector<std::uint8_t>>(split.features);
}

/// The error after `spoil` has changed the contents, without the folder's name.
template <typename Spoil>
std::string error_after(Spoil spoil, const std::string& extension = "") {
  IdxFolder files;
  spoil(files);
  files.write("-", extension);
  std::string message = input_error([&] { return load(files.folder.path()); });
  const std::string folder = files.folder.path().string() + "/";
  for (auto at = message.find(folder); at != std::string::npos; at = message.find(folder)) {
    message.erase(at, folder.size());
  }
  return message;
}
void set_number(Bytes& file, std::size_t at, std::uint32_t number) {
  Bytes bytes;
  append_number(bytes, number);
  std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(at));
}

// Expected numbers: read from the shipped files by Python's gzip and struct.
TEST_CASE("the shipped digits have the pixels and labels that another reader finds") {
  const Dataset data = load(STEPBENCH_SOURCE_DIR "/experiments/data/mnist-10k");
  CHECK(data.features == 784);
  CHECK(data.outputs == 10);
  REQUIRE(data.train.samples == 8000);
  REQUIRE(data.validation.samples == 2000);
  const auto& train = pixels(data.train);
  const auto& validation = pixels(data.validation);
  REQUIRE(train.size() == 8000 * 784);
  REQUIRE(validation.size() == 2000 * 784);

  const std::vector<std::int32_t> train_start(data.train.labels.begin(), data.train.labels.begin() + 10);
  const std::vector<std::int32_t> validation_start(data.validation.labels.begin(), data.validation.labels.begin() + 10);
  CHECK(train_start == std::vector<std::int32_t>{9, 3, 7, 0, 9, 7, 7, 9, 6, 5});
  CHECK(validation_start == std::vector<std::int32_t>{0, 2, 2, 8, 4, 3, 1, 0, 8, 3});
  CHECK(std::count(data.train.labels.begin(), data.train.labels.end(), 7) == 860);
  CHECK(std::count(data.validation.labels.begin(), data.validation.labels.end(), 0) == 209);

  CHECK(Bytes(train.begin() + 179, train.begin() + 186) == Bytes{0, 13, 141, 216, 253, 253, 255});
  CHECK(Bytes(validation.begin() + 118, validation.begin() + 124) == Bytes{0, 57, 237, 113, 114, 12});
  CHECK(std::accumulate(train.begin(), train.begin() + 784, 0) == 28397);
  CHECK(std::accumulate(train.end() - 784, train.end(), 0) == 17162);
  CHECK(std::accumulate(train.begin(), train.end(), 0L) == 209738180);
  CHECK(std::accumulate(validation.begin(), validation.end(), 0L) == 52408420);
}

TEST_CASE("pixels, labels and shapes of an IDX folder are read as stored") {
  IdxFolder files;
  files.write();
  const Dataset data = load(files.folder.path());
  CHECK(data.features == 20);
  CHECK(data.train.samples == 12);
  CHECK(data.validation.samples == 3);
  CHECK(pixels(data.train) == Bytes(files.train_images.begin() + 16, files.train_images.end()));
  CHECK(pixels(data.validation) == Bytes(files.t10k_images.begin() + 16, files.t10k_images.end()));
  CHECK(data.train.labels == std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1});
  CHECK(data.validation.labels == std::vector<std::int32_t>{0, 1, 2});
  CHECK(data.train.targets.empty());
}

TEST_CASE("plain, gzipped and dotted files give the same digest") {
  std::vector<std::string> digests;
  for (const std::string joint : {"-", "."}) {
    for (const std::string extension : {"", ".gz"}) {
      IdxFolder files;
      files.write(joint, extension);
      digests.push_back(load(files.folder.path()).digest);
    }
  }
  CAPTURE(digests);
  CHECK(std::count(digests.begin(), digests.end(), digests[0]) == 4);
}

TEST_CASE("images larger than one piece of reading arrive whole") {
  IdxFolder files;
  files.train_images = image_file(300, 64, 64);  // 1.2 MB
  files.train_labels = label_file(300);
  files.t10k_images = image_file(3, 64, 64);
  files.write("-", ".gz");
  const Dataset data = load(files.folder.path());
  CHECK(pixels(data.train) == Bytes(files.train_images.begin() + 16, files.train_images.end()));
}

TEST_CASE("a folder that bears a file's name is passed over for the file beside it") {
  IdxFolder files;
  files.write(".");
  std::filesystem::create_directory(files.folder.path() / "train-images-idx3-ubyte");
  CHECK(load(files.folder.path()).train.samples == 12);
}

TEST_CASE("each missing file is named with its folder") {
  for (const std::string name :
       {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}) {
    IdxFolder files;
    files.write();
    std::filesystem::remove(files.folder.path() / name);
    CHECK(input_error([&] { return load(files.folder.path()); }) ==
          files.folder.path().string() + ": there is no file " + name +
              " in this folder (nor with a dot before idx, nor with .gz)");
  }
  const TemporaryFolder empty;
  CHECK(input_error([&] { return load(empty.path()); }) ==
        empty.path().string() +
            ": there is no file train-images-idx3-ubyte in this folder (nor with a dot before idx, nor with .gz)");
  IdxFolder files;
  files.write();
  for (const std::string what : {"images-idx3-ubyte", "labels-idx1-ubyte"}) {
    std::filesystem::remove(files.folder.path() / ("t10k-" + what));
  }
  CHECK(input_error([&] { return load(files.folder.path()); }) ==
        files.folder.path().string() + ": there is no file t10k-images-idx3-ubyte or test-images-idx3-ubyte in this " +
            "folder (nor with a dot before idx, nor with .gz)");
}

TEST_CASE("any beginning that the four names share is found, and test as well as t10k") {
  IdxFolder plain;
  plain.write();
  const std::string digest = load(plain.folder.path()).digest;
  for (const std::string beginning : {"", "emnist-letters-", "my_"}) {
    for (const std::string validation : {"t10k", "test"}) {
      IdxFolder files;
      files.beginning = beginning;
      files.validation = validation;
      files.write("-", ".gz");
      CAPTURE(beginning, validation);
      CHECK(load(files.folder.path()).digest == digest);
    }
  }
}

TEST_CASE("of several data sets in a folder none is chosen, but one by the name of any of its files") {
  IdxFolder files;
  files.write();
  files.beginning = "emnist-letters-";
  files.train_images = image_file(7, 4, 5);
  files.train_labels = label_file(7);
  files.write("-", ".gz");
  const std::filesystem::path folder = files.folder.path();
  CHECK(input_error([&] { return load(folder); }) ==
        folder.string() + ": holds 2 data sets; let dataset.path name a file of one: train-images-idx3-ubyte, " +
            "emnist-letters-train-images-idx3-ubyte.gz");
  CHECK(load(folder / "t10k-labels-idx1-ubyte").train.samples == 12);
  CHECK(load(folder / "emnist-letters-train-images-idx3-ubyte.gz").train.samples == 7);
  std::filesystem::remove(folder / "emnist-letters-t10k-labels-idx1-ubyte.gz");
  CHECK(load(folder).train.samples == 12);
  CHECK(input_error([&] { return load(folder / "emnist-letters-train-images-idx3-ubyte.gz"); }) ==
        folder.string() + ": there is no file emnist-letters-t10k-labels-idx1-ubyte in this folder (nor with a dot " +
            "before idx, nor with .gz)");
}

TEST_CASE("two validation parts of one data set are refused") {
  IdxFolder files;
  files.write();
  files.validation = "test";
  files.write("-", ".gz");
  CHECK(input_error([&] { return load(files.folder.path()); }) ==
        files.folder.path().string() + ": has both t10k-images-idx3-ubyte and test-images-idx3-ubyte.gz, and the " +
            "labels of both; keep one of them");
}

TEST_CASE("a file that is none of the four is refused in place of the folder") {
  IdxFolder files;
  files.write();
  const auto path = files.folder.path() / "emnist-letters-mapping.txt";
  write_file(path, std::span<const char>());
  CHECK(input_error([&] { return load(path); }) ==
        path.string() + ": is not a folder; give the one that holds the four files, or one of them");
}

TEST_CASE("classes are the labels up to the largest of both splits, and ten at least") {
  const auto classes = [](std::uint8_t train, std::uint8_t validation) {
    IdxFolder files;
    files.train_labels.back() = train;
    files.t10k_labels.back() = validation;
    files.write();
    return load(files.folder.path()).outputs;
  };
  CHECK(classes(3, 3) == 10);
  CHECK(classes(26, 3) == 27);
  CHECK(classes(3, 46) == 47);
  CHECK(classes(255, 0) == 256);
}

TEST_CASE("a file with another magic number is refused") {
  CHECK(error_after([](IdxFolder& files) { std::swap(files.train_images, files.train_labels); }) ==
        "train-images-idx3-ubyte: is not an IDX file of images: it starts with 0x00000801, not 0x00000803");
  CHECK(error_after([](IdxFolder& files) { files.t10k_labels = files.t10k_images; }) ==
        "t10k-labels-idx1-ubyte: is not an IDX file of labels: it starts with 0x00000803, not 0x00000801");
}

TEST_CASE("a web page under the name of a gzip file is refused") {
  IdxFolder files;
  files.write("-", ".gz");
  const std::string page = "<!DOCTYPE html>";
  const auto path = files.folder.path() / "train-images-idx3-ubyte.gz";
  write_file(path, std::span<const char>(page));
  CHECK(input_error([&] { return load(files.folder.path()); }) ==
        path.string() + ": is not an IDX file of images: it starts with 0x3c21444f, not 0x00000803");
}

TEST_CASE("a file that ends within its header is refused") {
  CHECK(error_after([](IdxFolder& files) { files.train_images.resize(15); }) ==
        "train-images-idx3-ubyte: ends within its header");
  CHECK(error_after([](IdxFolder& files) { files.t10k_labels.clear(); }) ==
        "t10k-labels-idx1-ubyte: ends within its header");
}

TEST_CASE("a file without samples is refused") {
  CHECK(error_after([](IdxFolder& files) { files.train_images = image_file(0, 4, 5); }) ==
        "train-images-idx3-ubyte: holds no images");
  CHECK(error_after([](IdxFolder& files) { files.t10k_labels = label_file(0); }) ==
        "t10k-labels-idx1-ubyte: holds no labels");
}

TEST_CASE("a header with absurd sizes is refused") {
  struct Header {
    std::uint32_t count, rows, columns;
  };
  for (const Header& header : {Header{12, 0, 5}, Header{12, 4, 0}, Header{12, 65537, 1}, Header{12, 1, 65537},
                               Header{0xffffffff, 65536, 65536}}) {
    const std::string message = error_after([&](IdxFolder& files) {
      set_number(files.train_images, 4, header.count);
      set_number(files.train_images, 8, header.rows);
      set_number(files.train_images, 12, header.columns);
    });
    CHECK(message == "train-images-idx3-ubyte: has a header that cannot be true: " + std::to_string(header.count) +
                         " images of " + std::to_string(header.rows) + " x " + std::to_string(header.columns));
  }
}

TEST_CASE("a header that promises more than memory holds costs no more than the file") {
  CHECK(error_after([](IdxFolder& files) {
          set_number(files.train_images, 4, 0x7fffffff);
          set_number(files.train_images, 8, 65536);
          set_number(files.train_images, 12, 65536);
        }) ==
        "train-images-idx3-ubyte: ends too early: its header promises 2147483647 images of 65536 x 65536 "
        "(9223372032559808512 bytes), 240 bytes follow");
}

TEST_CASE("a file with a byte too few is refused") {
  CHECK(error_after([](IdxFolder& files) { files.train_images.pop_back(); }) ==
        "train-images-idx3-ubyte: ends too early: its header promises 12 images of 4 x 5 (240 bytes), 239 bytes "
        "follow");
  CHECK(error_after([](IdxFolder& files) { files.t10k_labels.pop_back(); }) ==
        "t10k-labels-idx1-ubyte: ends too early: its header promises 3 labels (3 bytes), 2 bytes follow");
}

TEST_CASE("a file with a byte too many is refused") {
  CHECK(error_after([](IdxFolder& files) { files.t10k_images.push_back(0); }) ==
        "t10k-images-idx3-ubyte: goes on after the 3 images of 4 x 5 that its header promises");
  CHECK(error_after([](IdxFolder& files) { files.train_labels.push_back(0); }, ".gz") ==
        "train-labels-idx1-ubyte.gz: goes on after the 12 labels that its header promises");
}

TEST_CASE("as many labels as images are needed") {
  CHECK(error_after([](IdxFolder& files) { files.t10k_labels = label_file(4); }) ==
        "t10k-labels-idx1-ubyte: has 4 labels, but t10k-images-idx3-ubyte has 3 images");
}

TEST_CASE("both splits need images of one shape") {
  CHECK(error_after([](IdxFolder& files) { files.t10k_images = image_file(3, 5, 4); }) ==
        "t10k-images-idx3-ubyte: has images of 5 x 4, but those of train-images-idx3-ubyte are 4 x 5");
}

TEST_CASE("gzip data that ends too early is refused, even when only its checksum is cut") {
  for (const std::size_t missing : {1u, 8u, 20u}) {
    IdxFolder files;
    files.write("-", ".gz");
    const auto path = files.folder.path() / "train-images-idx3-ubyte.gz";
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - missing);
    CAPTURE(missing);
    CHECK(input_error([&] { return load(files.folder.path()); }) ==
          path.string() + ": its gzip data ends too early; was the download cut short?");
  }
}

TEST_CASE("gzip data with a wrong checksum is refused") {
  IdxFolder files;
  files.write("-", ".gz");
  Bytes packed = gzipped(files.train_images);
  packed[packed.size() - 8] ^= 1;
  const auto path = files.folder.path() / "train-images-idx3-ubyte.gz";
  write_file(path, std::span<const std::uint8_t>(packed));
  CHECK_THAT(input_error([&] { return load(files.folder.path()); }),
             Catch::StartsWith(path.string() + ": its gzip data is damaged ("));
}

}  // namespace
}  // namespace stepbench::testing
