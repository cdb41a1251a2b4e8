// The collection is what its parts are.
#include <catch2/catch.hpp>

#include "core/error.hpp"
#include "core/results/merge.hpp"
#include "tests/results/sample_files.hpp"

namespace stepbench::testing {
namespace {

TEST_CASE("the columns of a group's trials come together round by round") {
  const ResultFile merged =
      merge_results({single_trial_file("blas-t1-s1", 1.0, 0), single_trial_file("tbb-t2-s1", 0.5, 1)});
  REQUIRE(merged.trials.size() == 2);
  REQUIRE(merged.groups.size() == 1);
  const GroupRecord& group = merged.groups[0];
  CHECK(group.trials == std::vector<std::string>{"blas-t1-s1", "tbb-t2-s1"});
  CHECK(group.step_time == std::vector<double>{1.0, 0.5, 2.0, 1.0});
  CHECK(group.position == std::vector<std::int64_t>{0, 1, 1, 0});
  CHECK(group.peak_gflops == std::vector<double>{100, 101});
}

TEST_CASE("a peak that one part did not take comes from another") {
  ResultFile without = single_trial_file("blas-t1-s1", 1.0, 0);
  without.groups[0].peak_gflops[1] = kNotANumber;
  const ResultFile merged = merge_results({without, single_trial_file("tbb-t2-s1", 0.5, 1)});
  CHECK(merged.groups.at(0).peak_gflops == std::vector<double>{100, 101});
}

TEST_CASE("groups of different ids stay apart") {
  ResultFile other = single_trial_file("blas-t1-s2", 1.0, 0);
  other.groups[0].id = "s2";
  CHECK(merge_results({single_trial_file("blas-t1-s1", 1.0, 0), other}).groups.size() == 2);
}

TEST_CASE("a group that went on from a checkpoint keeps its segments, and the environments of each") {
  ResultFile first = single_trial_file("blas-t1-s1", 1.0, 0);
  first.environments = {{{"hostname", std::string("second")}}, {{"hostname", std::string("first")}}};
  first.groups[0].earlier_environments = {1};
  first.groups[0].segment = {0, 1};
  ResultFile other = single_trial_file("blas-t1-s2", 1.0, 0);
  other.environments = {{{"hostname", std::string("third")}}};
  other.groups[0].id = "s2";
  const ResultFile merged = merge_results({other, first});
  const GroupRecord& group = merged.groups.at(1);
  CHECK(group.segment == std::vector<std::int64_t>{0, 1});
  REQUIRE(group.earlier_environments.size() == 1);
  CHECK(text_of(merged.environments.at(group.environment), "hostname") == "second");
  CHECK(text_of(merged.environments.at(group.earlier_environments[0]), "hostname") == "first");
}

TEST_CASE("the status of a collection is the worst of its trials'") {
  const auto merged_status = [](Status first, Status second) {
    std::vector<ResultFile> parts = {single_trial_file("a", 1.0, 0), single_trial_file("b", 1.0, 1)};
    parts[0].trials[0].status = first;
    parts[1].trials[0].status = second;
    return to_text(merge_results(parts).status);
  };
  CHECK(merged_status(Status::completed, Status::unsupported) == "completed");
  CHECK(merged_status(Status::unsupported, Status::unsupported) == "completed");
  CHECK(merged_status(Status::diverged, Status::completed) == "diverged");
  CHECK(merged_status(Status::diverged, Status::interrupted) == "interrupted");
  CHECK(merged_status(Status::failed, Status::interrupted) == "failed");
}

TEST_CASE("a file with nothing but unsupported trials is complete") {
  CHECK(to_text(worse(Status::unsupported, Status::unsupported)) == "completed");
}

TEST_CASE("parts that do not belong together are refused") {
  const ResultFile part = single_trial_file("blas-t1-s1", 1.0, 0);
  ResultFile other_experiment = single_trial_file("tbb-t2-s1", 1.0, 1);
  other_experiment.experiment = "other";
  ResultFile other_rounds = single_trial_file("tbb-t2-s1", 1.0, 1);
  other_rounds.groups[0].peak_gflops.push_back(1);
  CHECK_THROWS_WITH(merge_results({part, other_experiment}), Catch::Contains("minimal and other"));
  CHECK_THROWS_WITH(merge_results({part, other_rounds}), Catch::Contains("2 rounds, another 3"));
  CHECK_THROWS_WITH(merge_results({part, part}), Catch::Contains("blas-t1-s1 appears twice"));
  CHECK_THROWS_AS(merge_results({}), InputError);
}

}  // namespace
}  // namespace stepbench::testing
