// What is written is what is read, and what cannot be written or read is refused in words.
#include <catch2/catch.hpp>

#include "core/error.hpp"
#include "core/hdf5/hdf5.hpp"
#include "core/results/result_file.hpp"
#include "tests/results/first_difference.hpp"
#include "tests/results/sample_files.hpp"

namespace stepbench::testing {
namespace {

std::string difference_after_round_trip(const ResultFile& file) {
  return first_difference(from_image(to_image(file), "test.h5"), file);
}

TEST_CASE("a file with everything a record can hold reads back equal in every field") {
  CHECK(difference_after_round_trip(rich_file()) == "");
}

TEST_CASE("a trial that recorded nothing reads back equal") {
  CHECK(difference_after_round_trip(minimal_file()) == "");
}

TEST_CASE("a file without trials reads back equal") { CHECK(difference_after_round_trip(ResultFile()) == ""); }

TEST_CASE("a config text beyond HDF5's limit for attributes reads back equal") {
  ResultFile file = minimal_file();
  file.config_text.assign(200'000, 'x');
  CHECK(difference_after_round_trip(file) == "");
}

TEST_CASE("five hundred trials keep their order") {
  ResultFile file = minimal_file();
  for (int i = 0; i < 500; ++i) file.trials.emplace_back().id = "blas-t1-s" + std::to_string(i * 7919 % 500);
  CHECK(difference_after_round_trip(file) == "");
}

TEST_CASE("every status reads back from its name") {
  for (const Status status :
       {Status::completed, Status::diverged, Status::failed, Status::unsupported, Status::interrupted}) {
    CAPTURE(to_text(status));
    CHECK(status_from_text(to_text(status)) == status);
  }
  CHECK_FALSE(status_from_text("finished").has_value());
}

TEST_CASE("equal records give equal bytes") { CHECK(to_image(rich_file()) == to_image(rich_file())); }

TEST_CASE("ten thousand steps take less than half of their raw size") {
  constexpr std::int64_t kSteps = 10'000;
  const std::size_t empty = to_image(minimal_file()).size();
  const std::size_t raw = static_cast<std::size_t>(kSteps) * sizeof(double) * (3 + kPhaseNames.size());
  const std::size_t stored = to_image(file_with_steps(kSteps)).size() - empty;
  CAPTURE(empty, raw, stored);
  CHECK(stored < raw / 2);
}

TEST_CASE("series of different lengths are refused when written") {
  ResultFile file = rich_file();
  file.trials[0].steps.round.pop_back();
  CHECK_THROWS_WITH(to_image(file), Catch::Contains("blas-t1-s1") && Catch::Contains("differ in length"));
}

TEST_CASE("moments of gradients without the steps that they are means over are refused when written") {
  ResultFile file = rich_file();
  file.trials[0].epochs.step.clear();
  CHECK_THROWS_WITH(to_image(file), Catch::Contains("blas-t1-s1") && Catch::Contains("evaluations' steps"));
}

TEST_CASE("a study without a time for each number of workers is refused when written") {
  ResultFile file = rich_file();
  file.trials[0].study.step_time.pop_back();
  CHECK_THROWS_WITH(to_image(file), Catch::Contains("blas-t1-s1") && Catch::Contains("study differ in length"));
}

TEST_CASE("a scaling without a speed for each number of cores is refused when written") {
  ResultFile file = rich_file();
  file.trials[0].scaling.predicted_speedup.pop_back();
  CHECK_THROWS_WITH(to_image(file), Catch::Contains("blas-t1-s1") && Catch::Contains("scaling differ in length"));
}

TEST_CASE("an id that HDF5 would take for a path is refused when written") {
  ResultFile file = minimal_file();
  file.trials[0].id = "a";
  file.trials.emplace_back().id = "a/b";  // HDF5 would put it into the first
  CHECK_THROWS_WITH(to_image(file), Catch::Contains("a/b"));
}

TEST_CASE("the image of another program's HDF5 file is refused") {
  const hdf5::File other = hdf5::File::create_in_memory();
  CHECK_THROWS_AS(from_image(other.image(), "other.h5"), InputError);
}

TEST_CASE("a later schema version is refused with both versions named") {
  const hdf5::File later = hdf5::File::create_in_memory();
  later.root().set_attribute("Conventions", "stepbench-1");
  later.root().set_attribute("schema_version", std::int64_t{7});
  CHECK_THROWS_WITH(from_image(later.image(), "later.h5"),
                    Catch::Contains("later.h5") && Catch::Contains("version 7") && Catch::Contains("versions 1 to 2"));
}

TEST_CASE("a file that lacks what the schema promises is refused with the name of what is missing") {
  const hdf5::File partial = hdf5::File::create_in_memory();
  partial.root().set_attribute("Conventions", "stepbench-1");
  partial.root().set_attribute("schema_version", std::int64_t{1});
  CHECK_THROWS_AS(from_image(partial.image(), "partial.h5"), InputError);
  CHECK_THROWS_WITH(from_image(partial.image(), "partial.h5"), Catch::Contains("experiment"));
}

}  // namespace
}  // namespace stepbench::testing
