// Result files of several processes joined to one: rounds, segments, environments, and what one process says otherwise
// than the others. How such runs are made is tests/program's.
#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/results/lookup.hpp"
#include "core/results/result_file.hpp"
#include "core/statistics.hpp"
#include "experiments/run/join_processes.hpp"

namespace stepbench::testing {
namespace {

using Catch::Matchers::Contains;

/// A process in which `rival` took so much longer than the baseline in each of four rounds; `peak` tells environments
/// apart.
ResultFile process(double rival, double peak) {
  ResultFile file;
  file.experiment = "joined";
  file.environments = {{{"hostname", std::string("here")}, {"peak_gflops_1", peak}}};
  for (const char* id : {"blas-t1-s1", "tbb-t1-s1"}) {
    TrialRecord trial;
    trial.id = id;
    trial.group = "s1";
    trial.backend = std::string(id).substr(0, 4);
    trial.parameter_digest = "same";
    trial.same_bits_for_any_threads = true;
    trial.is_baseline = file.trials.empty();
    trial.summary.disturbed_rounds = 1;
    file.trials.push_back(trial);
  }
  GroupRecord group{.id = "s1", .trials = {"blas-t1-s1", "tbb-t1-s1"}};
  for (int round = 0; round < 4; ++round) {
    group.step_time.insert(group.step_time.end(), {1, rival * (round % 2 == 0 ? 1.01 : 0.99)});
    group.position.insert(group.position.end(), {0, 1});
    group.segment.insert(group.segment.end(), {0, 0});
    group.peak_gflops.push_back(peak);
  }
  group.peak_gflops_after = peak;
  file.groups = {group};
  return file;
}

}  // namespace

TEST_CASE("processes become rounds one after the other, segments and environments of their own") {
  ResultFile second = process(1.1, 101);  // went on from a checkpoint once
  second.environments.push_back(second.environments.front());
  second.environments.front().back().second = 100.5;
  second.groups.front().environment = 1;
  second.groups.front().earlier_environments = {0};
  second.groups.front().segment = {0, 0, 0, 0, 1, 1, 1, 1};
  const ResultFile joined =
      from_image(to_image(join_processes({process(1.0, 100), second, process(0.9, 102)})), "joined");
  const GroupRecord& group = joined.groups.front();
  CHECK(process_count(joined) == 3);
  CHECK(process_count(process(1, 100)) == 1);
  CHECK(group.rounds() == 12);
  CHECK(group.process == std::vector<std::int64_t>{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2});
  CHECK(column_of(group, group.segment, "tbb-t1-s1") == std::vector<std::int64_t>{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 3});
  REQUIRE(group.earlier_environments.size() == 3);
  std::vector<double> peaks;
  for (const std::size_t place : group.earlier_environments) {
    peaks.push_back(std::get<double>(*find_value(joined.environments.at(place), "peak_gflops_1")));
  }
  CHECK(peaks == std::vector<double>{100, 100.5, 101});
  CHECK(group.peak_gflops_after == 102);
  const TrialSummary& summary = joined.trials.back().summary;
  const RatioEstimate ratio = paired_ratio(column_of(group, group.step_time, "blas-t1-s1"),
                                           column_of(group, group.step_time, "tbb-t1-s1"), group.process);
  CHECK(ratio.processes == 3);
  CHECK(ratio.between == Approx(0.1).epsilon(0.1));
  CHECK(summary.speed_ratio == ratio.ratio);
  CHECK(summary.speed_ratio_low == ratio.low);
  CHECK(summary.disturbed_rounds == 3);
}

TEST_CASE("a trial that was not timed in one process has no times there, and its status is the worst") {
  ResultFile second = process(1.1, 101);
  second.trials.back().status = Status::failed;
  second.trials.back().cause = FailureCause::gate;
  second.trials.back().message = "gate: other gradients";
  GroupRecord& group = second.groups.front();
  group.trials.pop_back();
  group.step_time.assign(4, 1);
  group.position.assign(4, 0);
  group.segment.assign(4, 0);
  const ResultFile joined = join_processes({process(1.0, 100), second});
  const std::vector<double> times = column_of(joined.groups.front(), joined.groups.front().step_time, "tbb-t1-s1");
  REQUIRE(times.size() == 8);
  for (std::size_t round = 0; round < 8; ++round) CHECK(std::isnan(times[round]) == (round >= 4));
  CHECK(joined.trials.back().status == Status::failed);
  CHECK(joined.trials.back().cause == FailureCause::gate);
  CHECK(joined.trials.back().message == "in process 2 of 2: gate: other gradients");
  CHECK(joined.status == Status::failed);
}

TEST_CASE("steps are of their process's rounds among those of all") {
  ResultFile first = process(1.0, 100), second = process(1.1, 101);
  for (ResultFile* file : {&first, &second}) {
    for (TrialRecord& trial : file->trials) trial.steps.round = {0, 0, 1, 2, 3};
  }
  first.trials.back().status = Status::failed;  // so that it is told by the second process
  const ResultFile joined = join_processes({first, second});
  CHECK(joined.trials.front().steps.round == std::vector<std::int64_t>{0, 0, 1, 2, 3});
  CHECK(joined.trials.back().steps.round == std::vector<std::int64_t>{4, 4, 5, 6, 7});
}

TEST_CASE("parameters that differ from process to process are named where they were promised") {
  ResultFile other = process(1, 100);
  CHECK(trials_with_other_bits({process(1, 100), other}).empty());
  other.trials.back().parameter_digest = "other";
  CHECK(trials_with_other_bits({process(1, 100), other}) == std::vector<std::string>{"tbb-t1-s1"});
  ResultFile first = process(1, 100);
  first.trials.back().same_bits_for_any_threads = false;
  CHECK(trials_with_other_bits({first, other}).empty());
}

TEST_CASE("processes of another machine or another experiment do not pool") {
  ResultFile elsewhere = process(1, 100);
  elsewhere.environments.front().front().second = std::string("there");
  CHECK_THROWS_WITH(join_processes({process(1, 100), elsewhere}), Contains("different machines"));
  ResultFile other = process(1, 100);
  other.config_text = "changed";
  CHECK_THROWS_WITH(join_processes({process(1, 100), other}), Contains("different experiments"));
}

}  // namespace stepbench::testing
