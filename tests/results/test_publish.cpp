// Publishing is all or nothing, and no damage to a published file goes unseen.
#include <catch2/catch.hpp>

#include "core/error.hpp"
#include "core/results/result_file.hpp"
#include "tests/results/first_difference.hpp"
#include "tests/results/sample_files.hpp"
#include "tests/support/temporary_folder.hpp"

namespace stepbench::testing {
namespace {

/// The bytes of a published file.
std::string published_bytes() {
  const TemporaryFolder folder;
  publish(to_image(rich_file()), folder / "run.h5", IfExists::refuse);
  return read_text_file(folder / "run.h5");
}

/// What read_published says of a file with these bytes; empty when it takes it.
std::string complaint_about(const std::string& bytes) {
  const TemporaryFolder folder;
  write_text_file(folder / "run.h5", bytes);
  try {
    (void)read_published(folder / "run.h5");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("a published file reads back equal") {
  const TemporaryFolder folder;
  publish(to_image(rich_file()), folder / "run.h5", IfExists::refuse);
  CHECK(first_difference(read_result_file(folder / "run.h5"), rich_file()) == "");
}

TEST_CASE("publishing leaves nothing beside the file") {
  const TemporaryFolder folder;
  publish(to_image(minimal_file()), folder / "run.h5", IfExists::refuse);
  CHECK(folder.entries() == 1);
}

TEST_CASE("a file of the longest name that the system takes can be published") {
  const TemporaryFolder folder;
  publish(to_image(minimal_file()), folder / std::string(255, 'r'), IfExists::refuse);
  CHECK(folder.entries() == 1);
}

TEST_CASE("publishing refuses an existing file and leaves it untouched") {
  const TemporaryFolder folder;
  write_text_file(folder / "run.h5", "precious");
  CHECK_THROWS_AS(publish(to_image(minimal_file()), folder / "run.h5", IfExists::refuse), OutputError);
  CHECK(read_text_file(folder / "run.h5") == "precious");
  CHECK(folder.entries() == 1);
}

TEST_CASE("publishing replaces an existing file when told to") {
  const TemporaryFolder folder;
  publish(to_image(rich_file()), folder / "run.h5", IfExists::refuse);
  publish(to_image(minimal_file()), folder / "run.h5", IfExists::replace);
  CHECK(first_difference(read_result_file(folder / "run.h5"), minimal_file()) == "");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a replacement that fails leaves no temporary file") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "run.h5");  // a file cannot take a folder's name
  CHECK_THROWS_AS(publish(to_image(minimal_file()), folder / "run.h5", IfExists::replace), OutputError);
  CHECK(folder.entries() == 1);
}

TEST_CASE("publishing into a missing folder names the file and the reason") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(publish(to_image(minimal_file()), folder / "missing/run.h5", IfExists::refuse),
                    Catch::Contains("missing/run.h5") && Catch::Contains("No such file or directory"));
  CHECK(folder.entries() == 0);
}

TEST_CASE("publishing below a file names the file and the reason") {
  const TemporaryFolder folder;
  write_text_file(folder / "file", "");
  CHECK_THROWS_WITH(publish(to_image(minimal_file()), folder / "file/run.h5", IfExists::refuse),
                    Catch::Contains("file/run.h5") && Catch::Contains("Not a directory"));
}

TEST_CASE("one flipped bit anywhere is found") {
  const std::string bytes = published_bytes();
  REQUIRE(complaint_about(bytes) == "");
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < 64; ++i) positions.push_back(i);                            // the superblock
  for (std::size_t i = 0; i < 300; ++i) positions.push_back(i * 104'729 % bytes.size());  // all over
  for (std::size_t i = 0; i < 48; ++i) positions.push_back(bytes.size() - 1 - i);         // the trailer
  for (const std::size_t position : positions) {
    std::string damaged = bytes;
    damaged[position] = static_cast<char>(damaged[position] ^ (1 << position % 8));
    CAPTURE(position);
    CHECK(complaint_about(damaged) != "");
  }
}

TEST_CASE("a file cut at any length is found") {
  const std::string bytes = published_bytes();
  std::vector<std::size_t> lengths;
  for (std::size_t i = 1; i <= 64; ++i) lengths.push_back(bytes.size() - i);
  for (std::size_t i = 0; i < 200; ++i) lengths.push_back(i * bytes.size() / 200);
  for (const std::size_t length : lengths) {
    CAPTURE(length);
    CHECK(complaint_about(bytes.substr(0, length)) != "");
  }
}

TEST_CASE("what is wrong with a file is said in words") {
  const std::string bytes = published_bytes();
  std::string flipped = bytes;
  flipped[bytes.size() / 2] = static_cast<char>(~flipped[bytes.size() / 2]);
  std::string bad_magic = bytes;
  bad_magic[bytes.size() - 32] = 'x';
  const std::string image = bytes.substr(0, bytes.size() - 32);
  CHECK_THAT(complaint_about(""), Catch::EndsWith("run.h5: is empty"));
  CHECK_THAT(complaint_about("[experiment]\nname = x\n"), Catch::EndsWith("is not an HDF5 file"));
  CHECK_THAT(complaint_about(image), Catch::Contains("not a stepbench result file"));
  CHECK_THAT(complaint_about(image + std::string(500, '\0')), Catch::Contains("not a stepbench result file"));
  CHECK_THAT(complaint_about(bytes.substr(0, bytes.size() / 2)), Catch::EndsWith("is truncated"));
  CHECK_THAT(complaint_about(bytes.substr(0, bytes.size() - 1)), Catch::EndsWith("is truncated"));
  CHECK_THAT(complaint_about(flipped), Catch::Contains("is damaged: its contents"));
  CHECK_THAT(complaint_about(bad_magic), Catch::EndsWith("is damaged"));
  CHECK_THAT(complaint_about(bytes + "more"), Catch::Contains("more bytes follow"));
}

TEST_CASE("a missing file and a folder are told apart from damage") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "folder");
  CHECK_THROWS_WITH(read_published(folder / "no.h5"), Catch::EndsWith("no.h5: there is no such file"));
  CHECK_THROWS_WITH(read_published(folder / "folder"), Catch::EndsWith("is a folder, not a file"));
  CHECK_THROWS_AS(read_published(folder / "no.h5"), InputError);
}

}  // namespace
}  // namespace stepbench::testing
