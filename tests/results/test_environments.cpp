// One environment per group, shared where equal, through merging and back from a file.
#include <catch2/catch.hpp>

#include "core/results/environments.hpp"
#include "core/results/merge.hpp"
#include "core/results/result_file.hpp"
#include "tests/results/first_difference.hpp"
#include "tests/results/sample_files.hpp"

namespace stepbench::testing {
namespace {

KeyValues environment(const std::string& host, double peak) {
  return {{"hostname", host}, {"cpu_quota", kNotANumber}, {"peak_gflops_1", peak}};
}

ResultFile part(const std::string& trial, const std::string& group, const KeyValues& where) {
  ResultFile file = single_trial_file(trial, 1.0, 0);
  file.groups[0].id = file.trials[0].group = group;
  file.environments = {where};
  return file;
}

TEST_CASE("parts of equal environments share one, NaN in it or not; another machine's has its own") {
  const KeyValues here = environment("a", 100), there = environment("b", 90);
  const ResultFile merged =
      merge_results({part("blas-t1-s1", "s1", here), part("blas-t1-s2", "s2", there), part("blas-t1-s3", "s3", here)});
  REQUIRE(merged.environments.size() == 2);
  CHECK(text_of(environment_of(merged, "s1"), "hostname") == "a");
  CHECK(text_of(environment_of(merged, "s2"), "hostname") == "b");
  CHECK(merged.groups[2].environment == merged.groups[0].environment);
}

TEST_CASE("a trial that was not timed takes nothing from its group's environment") {
  ResultFile untimed = part("neuron-t2-s1", "s1", environment("b", 90));
  untimed.groups[0] = GroupRecord{.id = "s1"};
  const ResultFile timed = part("blas-t1-s1", "s1", environment("a", 100));
  for (const ResultFile& merged : {merge_results({untimed, timed}), merge_results({timed, untimed})}) {
    CHECK(text_of(environment_of(merged, "s1"), "hostname") == "a");
    CHECK(merged.groups.size() == 1);
  }
}

TEST_CASE("machines are told apart by what they are, not by what was measured of them") {
  ResultFile file;
  file.environments = {environment("a", 100), environment("a", 101), environment("b", 100)};
  for (const std::size_t place : {0U, 1U, 2U, 0U, 0U}) {
    file.groups.push_back(GroupRecord{.id = "s" + std::to_string(file.groups.size() + 1), .environment = place});
  }
  const std::vector<Machine> machines = machines_of(file);
  REQUIRE(machines.size() == 2);
  CHECK(listed_groups(machines[0]) == "s1, s2, s4 and 1 more");
  CHECK(listed_groups(machines[1]) == "s3");
}

TEST_CASE("groups of a file from before they had environments have the one that the file names") {
  const ResultFile old = read_result_file(STEPBENCH_SOURCE_DIR "/tests/golden/schema-1.h5");
  REQUIRE(old.environments.size() == 1);
  CHECK(old.groups.at(0).environment == 0);
  CHECK(old.groups.at(0).measurement.empty());
  CHECK_FALSE(text_of(environment_of(old, "s1"), "tbb_version").empty());
  CHECK(text_of(environment_of(old, "s1"), "libc_version").empty());
}

TEST_CASE("without series a file reads as with them, but for what it leaves out") {
  const std::vector<std::byte> image = to_image(rich_file());
  ResultFile expected = from_image(image, "rich.h5");
  for (TrialRecord& trial : expected.trials) {
    trial.steps = {};
    trial.epochs = {};
    trial.initial_parameters.clear();
    trial.final_parameters.clear();
    trial.order.clear();
    trial.order_epochs = 0;
  }
  CHECK(first_difference(from_image(image, "rich.h5", ReadSeries::no), expected).empty());
}

}  // namespace
}  // namespace stepbench::testing
