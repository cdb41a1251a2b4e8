// What all kinds of data share: the table, the search for the path, the cut, the digest.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

#include "core/data/dataset.hpp"
#include "idx_files.hpp"

namespace stepbench::testing {
namespace {

namespace fs = std::filesystem;

DatasetSettings of_kind(const std::string& kind) {
  DatasetSettings settings;
  settings.kind = kind;
  return settings;
}
DatasetSettings mnist_at(const std::string& path) {
  DatasetSettings settings = of_kind("mnist");
  settings.path = path;
  return settings;
}

TEST_CASE("the table of data sets has all kinds, each with a summary of one line") {
  std::vector<std::string_view> names;
  for (const DatasetKind& kind : dataset_kinds()) {
    names.push_back(kind.name);
    CHECK_FALSE(kind.summary.empty());
    CHECK(kind.summary.find('\n') == std::string_view::npos);
    CHECK(find_dataset_kind(kind.name) == &kind);
  }
  CHECK(names == std::vector<std::string_view>{"mnist", "hdf5", "spirals", "blobs", "text", "names", "modular_addition",
                                               "copy"});
}

TEST_CASE("an unknown kind is refused with the known ones") {
  CHECK(find_dataset_kind("cifar") == nullptr);
  CHECK(input_error([] { return load_dataset(of_kind("cifar"), 0, {}); }) ==
        "dataset.kind: there is no \"cifar\"; known are mnist, hdf5, spirals, blobs, text, names, modular_addition, "
        "copy");
}

TEST_CASE("a kind that reads files needs a path") {
  for (const std::string kind : {"mnist", "hdf5", "text", "names"}) {
    CHECK(input_error([&] { return load_dataset(of_kind(kind), 0, {}); }) ==
          "dataset.path: a data set of kind \"" + kind + "\" needs a path");
  }
}

TEST_CASE("a relative path is looked up in each folder in turn, the first hit wins") {
  TemporaryFolder folder;
  const auto make = [&](const std::string& place, std::uint32_t samples) {
    IdxFolder files;
    files.train_images = image_file(samples, 4, 5);
    files.train_labels = label_file(samples);
    files.write();
    fs::create_directories(folder.path() / place);
    fs::copy(files.folder.path(), folder.path() / place / "digits", fs::copy_options::recursive);
  };
  fs::create_directories(folder.path() / "first");
  make("second", 5);
  make("third", 6);
  const std::array folders = {folder.path() / "first", folder.path() / "second", folder.path() / "third"};
  CHECK(load_dataset(mnist_at("digits"), 0, folders).train.samples == 5);
}

TEST_CASE("a path that is nowhere is refused with all places looked at, each once") {
  TemporaryFolder folder;
  const fs::path a = folder.path() / "a", b = folder.path() / "b";
  const std::array folders = {a, b, folder.path() / "b/../a"};
  CHECK(input_error([&] { return load_dataset(mnist_at("digits"), 0, folders); }) ==
        "dataset.path: \"digits\" is not there; looked at " + (a / "digits").string() + ", " + (b / "digits").string());
}

TEST_CASE("an absolute path is looked up as it is") {
  TemporaryFolder folder;
  const std::string path = (folder.path() / "digits").string();
  const std::array folders = {folder.path()};
  CHECK(input_error([&] { return load_dataset(mnist_at(path), 0, folders); }) ==
        "dataset.path: \"" + path + "\" is not there; looked at " + path);
}

TEST_CASE("a cut keeps the first samples of each split") {
  IdxFolder files;
  files.write();
  DatasetSettings settings = mnist_at(files.folder.path().string());
  settings.train_samples = 4;
  settings.validation_samples = 2;
  const Dataset data = load_dataset(settings, 0, {});
  CHECK(data.train.samples == 4);
  CHECK(data.validation.samples == 2);
  CHECK(std::get<Bytes>(data.train.features) ==
        Bytes(files.train_images.begin() + 16, files.train_images.begin() + 16 + 4 * 20));
  CHECK(data.train.labels == std::vector<std::int32_t>{0, 1, 2, 3});
  CHECK(data.validation.labels == std::vector<std::int32_t>{0, 1});
  CHECK(data.outputs == 10);
}

TEST_CASE("a cut to all samples changes nothing") {
  IdxFolder files;
  files.write();
  DatasetSettings settings = mnist_at(files.folder.path().string());
  const std::string uncut = load_dataset(settings, 0, {}).digest;
  settings.train_samples = 12;
  CHECK(load_dataset(settings, 0, {}).digest == uncut);
}

TEST_CASE("more samples than there are, or none, cannot be asked for") {
  IdxFolder files;
  files.write();
  const std::string path = files.folder.path().string();
  for (const std::int64_t wanted : {13, 0, -1}) {
    DatasetSettings settings = mnist_at(path);
    settings.train_samples = wanted;
    CHECK(input_error([&] { return load_dataset(settings, 0, {}); }) ==
          "dataset.train_samples: " + std::to_string(wanted) + " asked for; " + path + " has 12 train samples");
  }
  DatasetSettings spirals = of_kind("spirals");
  spirals.validation_samples = 101;
  CHECK(input_error([&] { return load_dataset(spirals, 0, {}); }) ==
        "dataset.validation_samples: 101 asked for; spirals has 100 validation samples");
}

TEST_CASE("classes that no training sample has are warned of, after the cut, the first five by name") {
  const auto warnings = [](const Bytes& train, const Bytes& validation, std::optional<std::int64_t> cut = {}) {
    IdxFolder files;
    std::copy(train.begin(), train.end(), files.train_labels.begin() + 8);
    std::copy(validation.begin(), validation.end(), files.t10k_labels.begin() + 8);
    files.write();
    DatasetSettings settings = mnist_at(files.folder.path().string());
    settings.train_samples = cut;
    std::vector<std::string> lines = load_dataset(settings, 0, {}).warnings;
    for (std::string& line : lines) line.erase(0, files.folder.path().string().size());
    return lines;
  };
  using Lines = std::vector<std::string>;
  const Bytes all = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1};
  CHECK(warnings(all, {0, 1, 2}).empty());
  CHECK(warnings(all, {0, 1, 2}, 10).empty());
  CHECK(warnings(all, {0, 1, 2}, 8) == Lines{": no training sample has label 8, 9 of the labels 0 to 9"});
  CHECK(warnings(all, {0, 1, 2}, 2) ==
        Lines{": no training sample has label 2, 3, 4, 5, 6 and 3 others of the labels 0 to 9"});
  const Bytes from_1 = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2};
  CHECK(warnings(from_1, {1, 2, 3}) == Lines{": no sample has label 0 of the labels 0 to 10; do they count from 1?"});
  CHECK(warnings(from_1, {0, 2, 3}) == Lines{": no training sample has label 0 of the labels 0 to 10"});
}

TEST_CASE("the digest sees every pixel, every label and the cut") {
  IdxFolder files;
  const auto digest = [&](std::optional<std::int64_t> cut = {}) {
    files.write();
    DatasetSettings settings = mnist_at(files.folder.path().string());
    settings.train_samples = cut;
    return load_dataset(settings, 0, {}).digest;
  };
  std::vector<std::string> digests = {digest(), digest(11)};
  CHECK(digests[0].size() == 32);
  files.train_images.back() ^= 1;
  digests.push_back(digest());
  files.train_images.back() ^= 1;
  files.t10k_labels.back() = 9;
  digests.push_back(digest());
  files.t10k_labels.back() = 2;
  CHECK(digest() == digests[0]);
  std::sort(digests.begin(), digests.end());
  CAPTURE(digests);
  CHECK(std::adjacent_find(digests.begin(), digests.end()) == digests.end());
}

}  // namespace
}  // namespace stepbench::testing
