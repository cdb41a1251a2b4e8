// The kind `hdf5`: what is read from a user's file, and what is said of a wrong one.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <optional>

#include "core/data/hdf5_dataset.hpp"
#include "core/hdf5/hdf5.hpp"
#include "tests/data/input_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace stepbench::testing {
namespace {

using hdf5::Shape;

/// A file that is filled by calls of add() and then loaded.
class UserFile {
 public:
  template <typename T>
  void add(const std::string& split, const std::string& name, const Shape& shape, const std::vector<T>& values) {
    group(split).create_dataset<T>(name, shape, values, "1", hdf5::Storage::contiguous);
  }
  hdf5::Group& group(const std::string& split) {
    auto& group = split == "train" ? train_ : validation_;
    if (!group) group = file_.root().create_group(split);
    return *group;
  }
  [[nodiscard]] std::filesystem::path path() const { return folder_.path() / "data.h5"; }
  [[nodiscard]] hdf5::Group root() const { return file_.root(); }
  Dataset load(std::int64_t context = 0) {
    write_file(path(), std::span<const std::byte>(file_.image()));
    DatasetSettings settings;
    settings.kind = "hdf5";
    settings.path = path().string();
    return load_dataset(settings, context, {});
  }
  /// The error of loading, with the file's name as FILE.
  std::string error(std::int64_t context = 0) {
    std::string message = input_error([&] { return load(context); });
    for (auto at = message.find(path().string()); at != std::string::npos; at = message.find(path().string())) {
      message.replace(at, path().string().size(), "FILE");
    }
    return message;
  }

 private:
  TemporaryFolder folder_;
  hdf5::File file_ = hdf5::File::create_in_memory();
  std::optional<hdf5::Group> train_, validation_;
};

using Ints = std::vector<std::int64_t>;
using Doubles = std::vector<double>;
using Bytes = std::vector<std::uint8_t>;

void add_validation(UserFile& file) {
  file.add("validation", "features", {1, 2}, Doubles{7, 8});
  file.add("validation", "labels", {1}, Ints{1});
}
/// The error of a file whose validation split is right.
template <typename Fill>
std::string error_of_train(Fill fill) {
  UserFile file;
  fill(file);
  add_validation(file);
  return file.error();
}

TEST_CASE("features and labels are read row by row, classes counted over both splits") {
  UserFile file;
  file.add("train", "features", {3, 2}, Doubles{1, 2, 3, 4, 5, 6.5});
  file.add("train", "labels", {3}, Ints{0, 2, 1});
  file.add("validation", "features", {2, 2}, Doubles{7, 8, 9, 10});
  file.add("validation", "labels", {2}, std::vector<std::uint8_t>{4, 0});
  const Dataset data = file.load();
  CHECK(data.features == 2);
  CHECK(data.outputs == 5);
  CHECK(data.train.samples == 3);
  CHECK(data.validation.samples == 2);
  CHECK(std::get<Doubles>(data.train.features) == Doubles{1, 2, 3, 4, 5, 6.5});
  CHECK(std::get<Doubles>(data.validation.features) == Doubles{7, 8, 9, 10});
  CHECK(data.train.labels == std::vector<std::int32_t>{0, 2, 1});
  CHECK(data.validation.labels == std::vector<std::int32_t>{4, 0});
  CHECK(data.train.targets.empty());
}

TEST_CASE("a cut does not change the number of classes") {
  UserFile file;
  file.add("train", "features", {3, 2}, Doubles{1, 2, 3, 4, 5, 6});
  file.add("train", "labels", {3}, Ints{0, 1, 5});
  add_validation(file);
  (void)file.load();
  DatasetSettings settings;
  settings.kind = "hdf5";
  settings.path = file.path().string();
  settings.train_samples = 2;
  const Dataset data = load_dataset(settings, 0, {});
  CHECK(data.outputs == 6);
  CHECK(data.train.samples == 2);
}

TEST_CASE("targets of two dimensions are outputs, of one dimension a single output") {
  for (const std::int64_t width : {1, 2}) {
    UserFile file;
    for (const std::string split : {"train", "validation"}) {
      file.add(split, "features", {2, 1}, Doubles{1, 2});
      file.add(split, "targets", width == 1 ? Shape{2} : Shape{2, 2},
               width == 1 ? Doubles{0.5, 1.5} : Doubles{0.5, 1.5, 2.5, 3.5});
    }
    const Dataset data = file.load();
    CHECK(data.outputs == width);
    CHECK(data.train.targets == (width == 1 ? Doubles{0.5, 1.5} : Doubles{0.5, 1.5, 2.5, 3.5}));
    CHECK(data.train.labels.empty());
  }
}

TEST_CASE("float32 features stay float and integers become double, standing for themselves") {
  UserFile file;
  file.add("train", "features", {1, 2}, std::vector<float>{0.1f, 2});
  file.add("train", "labels", {1}, Ints{0});
  file.add("validation", "features", {1, 2}, std::vector<std::uint8_t>{255, 3});
  file.add("validation", "labels", {1}, Ints{1});
  const Dataset data = file.load();
  CHECK(std::get<std::vector<float>>(data.train.features) == std::vector<float>{0.1f, 2});
  CHECK(std::get<Doubles>(data.validation.features) == Doubles{255, 3});
}

TEST_CASE("features of more dimensions are flattened, of one dimension a single feature") {
  UserFile images, points;
  for (const std::string split : {"train", "validation"}) {
    images.add(split, "features", {2, 2, 1, 2}, Doubles{1, 2, 3, 4, 5, 6, 7, 8});
    images.add(split, "labels", {2}, Ints{0, 1});
    points.add(split, "features", {2}, Doubles{1, 2});
    points.add(split, "labels", {2}, Ints{0, 1});
  }
  CHECK(images.load().features == 4);
  CHECK(points.load().features == 1);
}

TEST_CASE("what is missing from the file is named") {
  CHECK(error_of_train([](UserFile&) {}) == "FILE:/train/features: there is no such data set");
  CHECK(error_of_train([](UserFile& file) { file.add("train", "labels", {1}, Ints{0}); }) ==
        "FILE:/train/features: there is no such data set");
  CHECK(error_of_train([](UserFile& file) {
          file.add("train", "features", {1, 2}, Doubles{1, 2});
        }) == "FILE:/train: has neither labels nor targets");
  UserFile file;
  file.add("train", "features", {1, 2}, Doubles{1, 2});
  file.add("train", "labels", {1}, Ints{0});
  CHECK(file.error() == "FILE:/validation/features: there is no such data set");
}

TEST_CASE("both labels and targets are refused") {
  CHECK(error_of_train([](UserFile& file) {
          file.add("train", "features", {1, 2}, Doubles{1, 2});
          file.add("train", "labels", {1}, Ints{0});
          file.add("train", "targets", {1}, Doubles{0});
        }) == "FILE:/train: has both labels and targets; keep one of them");
}

TEST_CASE("labels in one split and targets in the other are refused") {
  CHECK(error_of_train([](UserFile& file) {
          file.add("train", "features", {1, 2}, Doubles{1, 2});
          file.add("train", "targets", {1}, Doubles{0});
        }) == "FILE: one of train and validation has labels and the other targets");
}

TEST_CASE("labels are whole numbers of any type, in one dimension or as a column") {
  const auto labels = [](const auto& values, const Shape& shape) {
    UserFile file;
    file.add("train", "features", {2, 2}, Doubles{1, 2, 3, 4});
    file.add("train", "labels", shape, values);
    add_validation(file);
    return file.load().train.labels;
  };
  const std::vector<std::int32_t> expected = {0, 2};
  CHECK(labels(Ints{0, 2}, {2, 1}) == expected);
  CHECK(labels(Ints{0, 2}, {2, 1, 1}) == expected);
  CHECK(labels(Doubles{0, 2}, {2}) == expected);
  CHECK(labels(std::vector<float>{0, 2}, {2, 1}) == expected);
}

TEST_CASE("labels that are not whole numbers from 0 in one column are refused, with their row") {
  const auto error = [](const auto& labels, const Shape& shape = {2}) {
    return error_of_train([&](UserFile& file) {
      file.add("train", "features", {2, 2}, Doubles{1, 2, 3, 4});
      file.add("train", "labels", shape, labels);
    });
  };
  const std::string allowed = "; labels are whole numbers from 0 to 2147483647";
  CHECK(error(Ints{0, -1}) == "FILE:/train/labels: row 1 is -1" + allowed);
  CHECK(error(Ints{3000000000, 0}) == "FILE:/train/labels: row 0 is 3000000000" + allowed);
  CHECK(error(Doubles{0, 1.5}) == "FILE:/train/labels: row 1 is 1.5" + allowed);
  CHECK(error(Doubles{0, 1e30}, {2, 1}) == "FILE:/train/labels: row 1 is 1e+30" + allowed);
  CHECK(error(Doubles{std::nan(""), 1}) == "FILE:/train/labels: row 0 is nan" + allowed);
  CHECK(error(Ints{0, 1, 1, 0}, {2, 2}) == "FILE:/train/labels: its shape is (2, 2); labels are one column");
}

TEST_CASE("features and targets that are not finite are refused with their place") {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  CHECK(error_of_train([](UserFile& file) {
          file.add("train", "features", {2, 2}, Doubles{1, 2, 3, kNaN});
          file.add("train", "labels", {2}, Ints{0, 1});
        }) == "FILE:/train/features: row 1, column 1 holds nan");
  CHECK(error_of_train([](UserFile& file) {
          file.add("train", "features", {2, 2}, std::vector<float>{1, 2, -std::numeric_limits<float>::infinity(), 3});
          file.add("train", "labels", {2}, Ints{0, 1});
        }) == "FILE:/train/features: row 1, column 0 holds -inf");
  CHECK(error_of_train([](UserFile& file) {
          file.add("train", "features", {3, 1}, Doubles{1, 2, 3});
          file.add("train", "targets", {3, 2}, Doubles{1, 2, 3, 4, kNaN, 6});
        }) == "FILE:/train/targets: row 2, column 0 holds nan");
}

TEST_CASE("the first value that float32 cannot hold is found after the cut, and one that becomes 0 is none") {
  constexpr double kTiny = 1e-300, kAlmost = 3.4028235e38;  // the latter rounds to the largest float
  const auto beyond = [](const Doubles& features, const Doubles& targets, std::optional<std::int64_t> cut = {}) {
    UserFile file;
    for (const std::string split : {"train", "validation"}) {
      file.add(split, "features", {3, 2}, split == "train" ? features : Doubles(6));
      file.add(split, "targets", {3, 1}, targets);
    }
    (void)file.load();
    DatasetSettings settings;
    settings.kind = "hdf5";
    settings.path = file.path().string();
    settings.train_samples = settings.validation_samples = cut;
    return load_dataset(settings, 0, {}).beyond_float32;
  };
  CHECK(beyond({1, 2, 3, kTiny, kAlmost, -kAlmost}, {1, 2, 3}) == "");
  CHECK(beyond({1, 2, 3, -1e39, 5, 1e300}, {1, 2, 3}) == "train/features, row 1, column 1 is -1e+39");
  CHECK(beyond({1, 2, 3, -1e39, 5, 1e300}, {1, 2, 3}, 1) == "");
  CHECK(beyond({1, 2, 3, 4, 5, 6}, {1, 2, 1e300}) == "train/targets, row 2 is 1e+300");
}

TEST_CASE("data sets that are no matrix of numbers are refused") {
  CHECK(error_of_train([](UserFile& file) {
          const std::vector<std::string> words = {"one", "two"};
          file.group("train").create_text_dataset("features", words);
          file.add("train", "labels", {2}, Ints{0, 1});
        }) == "FILE:/train/features: does not hold numbers");
  CHECK(error_of_train([](UserFile& file) {
          file.add("train", "features", {}, Doubles{1});
          file.add("train", "labels", {1}, Ints{0});
        }) == "FILE:/train/features: is a single value; its first dimension must be the samples");
  CHECK(error_of_train([](UserFile& file) {
          file.add("train", "features", {0, 2}, Doubles{});
          file.add("train", "labels", {1}, Ints{0});
        }) == "FILE:/train/features: is empty: its shape is (0, 2)");
  CHECK(error_of_train([](UserFile& file) {
          file.add("train", "features", {1, 2}, Doubles{1, 2});
          file.add("train", "targets", {1, 1, 1}, Doubles{0});
        }) == "FILE:/train/targets: its shape is (1, 1, 1); targets are (samples, outputs)");
}

TEST_CASE("shapes that do not fit each other are refused") {
  CHECK(error_of_train([](UserFile& file) {
          file.add("train", "features", {2, 2}, Doubles{1, 2, 3, 4});
          file.add("train", "labels", {3}, Ints{0, 1, 0});
        }) == "FILE:/train/labels: has 3 rows, but FILE:/train/features has 2");
  CHECK(error_of_train([](UserFile& file) {
          file.add("train", "features", {2, 3}, Doubles{1, 2, 3, 4, 5, 6});
          file.add("train", "labels", {2}, Ints{0, 1});
        }) == "FILE: train/features has 3 features per sample, validation/features has 2");
  UserFile file;
  for (const std::string split : {"train", "validation"}) {
    file.add(split, "features", {1, 1}, Doubles{1});
    file.add(split, "targets", split == "train" ? Shape{1, 2} : Shape{1},
             split == "train" ? Doubles{1, 2} : Doubles{1});
  }
  CHECK(file.error() == "FILE: train/targets has 2 outputs per sample, validation/targets has 1");
}

TEST_CASE("bytes that say they are pixels are pixels, and no other divisor is known") {
  const auto load = [](const auto& features, const hdf5::Attribute& divisor) {
    UserFile file;
    file.add("train", "features", {1, 2}, features);
    file.root().dataset("train/features").set_attribute("divisor", divisor);
    file.add("train", "labels", {1}, Ints{0});
    add_validation(file);
    const std::string error = file.error();
    if (error.empty()) CHECK(std::get<Bytes>(file.load().train.features) == Bytes{7, 255});
    return error;
  };
  const std::string error = "FILE:/train/features: has an attribute divisor; known is 255, of bytes without sign";
  CHECK(load(Bytes{7, 255}, std::int64_t{255}) == "");
  CHECK(load(Bytes{7, 255}, std::int64_t{256}) == error);
  CHECK(load(Ints{7, 255}, std::int64_t{255}) == error);
}

TEST_CASE("the file may have more classes than samples of them, not fewer, and as many as its targets") {
  const auto outputs = [](std::int64_t said, const std::string& answers) {
    UserFile file;
    for (const std::string split : {"train", "validation"}) {
      file.add(split, "features", {2, 1}, Doubles{1, 2});
      if (answers == "labels") {
        file.add(split, answers, {2}, Ints{0, 2});
      } else {
        file.add(split, answers, {2, 3}, Doubles{1, 2, 3, 4, 5, 6});
      }
    }
    file.root().set_attribute("outputs", said);
    const std::string error = file.error();
    return error.empty() ? std::to_string(file.load().outputs) : error;
  };
  CHECK(outputs(3, "labels") == "3");
  CHECK(outputs(10, "labels") == "10");
  CHECK(outputs(2, "labels") == "FILE: says that it has 2 classes or tokens, but has number 2");
  CHECK(outputs(3, "targets") == "3");
  CHECK(outputs(10, "targets") == "FILE: its attribute outputs is 10, but its targets have 3");
}

/// Two sequences of three tokens for training, one for validation.
struct SequenceFile : UserFile {
  Ints tokens = {0, 1, 2, 2, 1, 0}, targets = {-1, 2, 1, 1, 0, -1};
  Shape shape = {2, 3}, target_shape = {2, 3};
  void fill() {
    add("train", "tokens", shape, tokens);
    add("train", "target_tokens", target_shape, targets);
    add("validation", "tokens", {1, 3}, Ints{0, 1, 0});
    add("validation", "target_tokens", {1, 3}, Ints{1, 0, 1});
  }
};

TEST_CASE("tokens of one's own are read, named by their numbers or by the file") {
  using Strings = std::vector<std::string>;
  SequenceFile plain, named;
  plain.fill();
  const Dataset data = plain.load(3);
  CHECK(data.context == 3);
  CHECK(data.train.samples == 2);
  CHECK(data.train.tokens == std::vector<std::int32_t>{0, 1, 2, 2, 1, 0});
  CHECK(data.train.target_tokens == std::vector<std::int32_t>{kNotCounted, 2, 1, 1, 0, kNotCounted});
  CHECK(data.vocabulary == Strings{"0", "1", "2"});
  named.fill();
  named.root().set_attribute("vocabulary", std::string(R"(["a", "b", "c", "d"])"));
  CHECK(named.load(3).vocabulary == Strings{"a", "b", "c", "d"});
  CHECK(named.load(3).outputs == 4);
}

TEST_CASE("tokens that make no sequences are refused with what was found") {
  const auto error = [](auto spoil) {
    SequenceFile file;
    spoil(file);
    file.fill();
    return file.error(3);
  };
  CHECK(error([](SequenceFile& file) { file.tokens[4] = -1; }) ==
        "FILE:/train/tokens: row 1, column 1 is -1; tokens are whole numbers from 0 to 16777215");
  CHECK(error([](SequenceFile& file) { file.targets[1] = -2; }) ==
        "FILE:/train/target_tokens: row 0, column 1 is -2; targets (-1: not counted) are whole numbers from -1 to "
        "16777215");
  CHECK(error([](SequenceFile& file) { file.targets = {0, 1, 2, -1, -1, -1}; }) ==
        "FILE:/train/target_tokens: row 1 has no target that counts");
  CHECK(error([](SequenceFile& file) {
          file.target_shape = {3, 2};
        }) ==
        "FILE:/train/target_tokens: its shape is (3, 2), and that of FILE:/train/tokens is (2, 3); both are (samples, "
        "tokens)");
  CHECK(error([](SequenceFile& file) { file.root().set_attribute("vocabulary", std::string(R"(["a"])")); }) ==
        "FILE: says that it has 1 classes or tokens, but has number 2");
  CHECK(error([](SequenceFile& file) { file.root().set_attribute("vocabulary", std::string("a")); }) ==
        "FILE: its attribute vocabulary cannot be read: the text is no JSON array of strings");
  CHECK(error([](SequenceFile& file) {
          file.add("train", "features", {2, 1}, Doubles{1, 2});
        }) == "FILE:/train: has both features and tokens; keep one of them");
  SequenceFile file;
  file.fill();
  CHECK(file.error(2) ==
        "model.context: found \"2\", but the sequences of FILE:/train/tokens have 3 tokens, allowed: 3");
  CHECK(file.error(0) ==
        "model.kind: found \"mlp\", but dataset.kind = hdf5 has tokens and no features, allowed: transformer");
}

TEST_CASE("a file that cannot be opened is refused with its name and the first reason there is") {
  TemporaryFolder folder;
  const auto path = folder.path() / "data.h5";
  const auto error = [&] { return input_error([&] { return load_hdf5_dataset({}, 0, path); }); };
  CHECK(error() == path.string() + ": there is no such file");
  std::filesystem::create_directory(path);
  CHECK(error() == path.string() + ": is a folder, not a file");
  std::filesystem::remove(path);
  write_file(path, std::span<const char>());
  CHECK(error() == path.string() + ": is empty");
  const std::string text = "not HDF5";
  write_file(path, std::span<const char>(text));
  CHECK(error() == path.string() + ": is not an HDF5 file");
}

}  // namespace
}  // namespace stepbench::testing
