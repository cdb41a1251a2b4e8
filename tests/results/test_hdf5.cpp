// The layer over HDF5: what it holds apart, and how it fails.
#include <fcntl.h>
#include <sys/file.h>

#include <catch2/catch.hpp>

#include "core/error.hpp"
#include "core/hdf5/hdf5.hpp"
#include "tests/support/temporary_folder.hpp"

namespace stepbench::testing {
using namespace hdf5;  // NOLINT(google-build-using-namespace): it is what is tested

namespace {

std::vector<std::byte> image_of(const std::vector<double>& values) {
  const File file = File::create_in_memory();
  file.root().create_dataset<double>("x", {static_cast<std::int64_t>(values.size())}, values, "s");
  return file.image();
}

void write_file(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  write_text_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

TEST_CASE("two images open at once under one name hold their own contents") {
  const File first = File::open_image(image_of({1}), "run.h5");
  const File second = File::open_image(image_of({2}), "run.h5");
  CHECK(first.root().dataset("x").read<double>() == std::vector<double>{1});
  CHECK(second.root().dataset("x").read<double>() == std::vector<double>{2});
}

TEST_CASE("a data set is read in the type that is asked for, with its shape") {
  const File file = File::create_in_memory();
  const std::vector<std::uint8_t> pixels = {0, 1, 2, 253, 254, 255};
  file.root().create_dataset<std::uint8_t>("pixels", {3, 1, 2}, pixels, "1");
  const Dataset dataset = file.root().dataset("pixels");
  CHECK(dataset.shape() == Shape{3, 1, 2});
  CHECK(dataset.element_class() == ElementClass::integer);
  CHECK(dataset.element_bytes() == 1);
  CHECK(dataset.read<std::uint8_t>() == pixels);
  CHECK(dataset.read<float>() == std::vector<float>{0, 1, 2, 253, 254, 255});
  CHECK(dataset.read<std::int32_t>() == std::vector<std::int32_t>{0, 1, 2, 253, 254, 255});
}

TEST_CASE("an ordinary file opens") {
  const TemporaryFolder folder;
  write_file(folder / "x.h5", image_of({1, 2}));
  CHECK(File::open(folder / "x.h5").root().dataset("x").read<double>() == std::vector<double>{1, 2});
}

/// The error of opening `name` in the folder, without the folder.
std::string open_error(const TemporaryFolder& folder, const std::string& name) {
  try {
    static_cast<void>(File::open(folder / name));
  } catch (const Error& error) {
    return std::string(error.what()).substr((folder / "").string().size());
  }
  return "no error";
}

TEST_CASE("a file that is not HDF5 is an error with its name") {
  const TemporaryFolder folder;
  write_text_file(folder / "x.h5", "no");
  CHECK(open_error(folder, "x.h5") == "x.h5: is not an HDF5 file");
}

TEST_CASE("a file that another process has open for writing is an error that says so") {
  const TemporaryFolder folder;
  write_file(folder / "x.h5", image_of({1, 2}));
  const int writer = ::open((folder / "x.h5").c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(::flock(writer, LOCK_EX) == 0);  // as HDF5 does
  CHECK(open_error(folder, "x.h5") == "x.h5: is open for writing in another process, which has locked it");
  ::close(writer);
  CHECK(open_error(folder, "x.h5") == "no error");
}

TEST_CASE("what a truncated file promises is the first that its error says") {
  const TemporaryFolder folder;
  std::vector<std::byte> image = image_of({1, 2});
  const std::string promised = std::to_string(image.size());
  image.resize(image.size() - 100);
  write_file(folder / "x.h5", image);
  CHECK(open_error(folder, "x.h5") == "x.h5: cannot be opened: truncated file: eof = " + std::to_string(image.size()) +
                                          ", sblock->base_addr = 0, stored_eof = " + promised);
}

TEST_CASE("a member is found by its path, and only where it is") {
  const File file = File::create_in_memory();
  Group train = file.root().create_group("train");
  train.create_text_dataset("names", std::vector<std::string>{"a", ""});
  CHECK(file.root().has("train/names"));
  CHECK_FALSE(file.root().has("train/labels"));
  CHECK_FALSE(file.root().has("validation/names"));
  CHECK(file.root().dataset("train/names").read_text() == std::vector<std::string>{"a", ""});
}

TEST_CASE("a missing data set is an error that names file and path") {
  const File file = File::open_image(image_of({1}), "run.h5");
  CHECK_THROWS_WITH(file.root().dataset("train/features"), Catch::Contains("run.h5:/train/features"));
}

TEST_CASE("text is not read as numbers, nor numbers as text") {
  const File file = File::create_in_memory();
  file.root().create_text_dataset("text", std::vector<std::string>{"1"});
  file.root().create_dataset<double>("number", {1}, std::vector<double>{1}, "1");
  CHECK_THROWS_WITH(file.root().dataset("text").read<double>(), Catch::Contains("does not hold numbers"));
  CHECK_THROWS_WITH(file.root().dataset("number").read_text(),
                    Catch::Contains("does not hold variable-length strings"));
}

TEST_CASE("an attribute is not read as another type") {
  const File file = File::create_in_memory();
  file.root().set_attribute("flag", true);
  CHECK(file.root().attribute_as<bool>("flag"));
  CHECK_THROWS_WITH(file.root().attribute_as<std::string>("flag"), Catch::Contains("flag"));
  CHECK_THROWS_WITH(file.root().attribute("none"), Catch::Contains("no attribute none"));
}

TEST_CASE("attributes and members come in the order of their creation, many of them too") {
  const File file = File::create_in_memory();
  Group root = file.root();
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(std::to_string(i * 37 % 100));
  for (const std::string& name : names) {
    root.set_attribute(name, std::vector<std::int64_t>{});
    root.create_group(name);
  }
  std::vector<std::string> keys;
  for (const auto& [key, value] : root.attributes()) keys.push_back(key);
  CHECK(keys == names);
  CHECK(root.members() == names);
}

TEST_CASE("values that do not fill a data set's shape are refused") {
  const File file = File::create_in_memory();
  CHECK_THROWS_AS(file.root().create_dataset<double>("x", {2, 2}, std::vector<double>{1, 2, 3}, "1"), Error);
}

}  // namespace
}  // namespace stepbench::testing
