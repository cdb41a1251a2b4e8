// What `compare` of three files or more finds in files with planted speeds.
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "experiments/history/report.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "tests/compare/compare_files.hpp"

namespace stepbench::testing {
namespace {

using history::NamedFile;

/// tbb at each of these speeds, in files `1`, `2`, ... of successive days.
std::vector<NamedFile> files_of(const std::vector<double>& speeds, std::uint64_t seeds = 2) {
  std::vector<NamedFile> files;
  for (const double speed : speeds) {
    const std::string name = std::to_string(files.size() + 1);
    files.push_back({name, compared_file(speed, seeds)});
    files.back().results.created = "2026-11-0" + name + "T10:00:00Z";
    files.back().results.git_commit = "commit" + name;
  }
  return files;
}

history::History over(const std::vector<NamedFile>& files) { return history::history_of(files, "", kSpeedMargin); }

/// Where tbb changes, by the later file's place.
std::vector<std::size_t> change_points(const history::History& found) {
  std::vector<std::size_t> places;
  for (const history::Change& change : found.consecutive) {
    if (change.is_change_point) places.push_back(change.to);
  }
  return places;
}

int code(const std::vector<NamedFile>& files, const std::string& condition) {
  return compare::exit_code(history::hold_against(over(files), files, {compare::parse_fail_condition(condition)}, {}));
}

void name_machine(ResultFile& file, const std::string& host) {
  file.environments = {{{"hostname", host}, {"cpu_model", std::string("Fast 1")}, {"peak_gflops_1", 100.0}}};
}

}  // namespace

TEST_CASE("a planted change of speed is named between the two files where it happened") {
  const history::History found = over(files_of({2, 2, 1.6, 1.6}));
  REQUIRE(found.found.series.size() == 1);
  CHECK(change_points(found) == std::vector<std::size_t>{2});
  const std::vector<std::string> lines = history::change_point_lines(found);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with("tbb-t1: slower by 25.0% ["));
  CHECK(lines[0].find("between 2 (commit2, 2026-11-02) and 3 (commit3, 2026-11-03): ") != std::string::npos);
}

TEST_CASE("a change within the margin is told, and is no change point") {
  const history::History found = over(files_of({1, 1.03, 1.03}));
  CHECK(change_points(found).empty());
  CHECK(found.consecutive[0].verdict == SpeedVerdict::same);
}

TEST_CASE("a change that is real, and by less than the margin, is no change point") {
  const auto is_one = [](double ratio) {
    return history::is_change_point({{ratio, ratio / 1.02, ratio * 1.02, 12}, 0.01}, 0.05);
  };
  CHECK(speed_verdict({1.04, 1.02, 1.06, 12}, 0.01, 0.05) == SpeedVerdict::faster);
  CHECK_FALSE(is_one(1.04));
  CHECK(is_one(1.06));
  CHECK_FALSE(is_one(1 / 1.04));
  CHECK(is_one(1 / 1.06));
}

TEST_CASE("a change within the noise floor of either file is no change point") {
  std::vector<NamedFile> files = files_of({1, 1.2, 1.2});
  CHECK(change_points(over(files)).size() == 1);
  files[0].results = with_twin_off_by(files[0].results, 0.3);
  CHECK(change_points(over(files)).empty());
  CHECK(over(files).consecutive[0].verdict == SpeedVerdict::cannot_tell);
}

TEST_CASE("many small changes of one direction are told of the first and the last file together") {
  const history::History found = over(files_of({1, 0.97, 0.94, 0.91}));
  CHECK(change_points(found).empty());
  const std::vector<std::string> lines = history::change_point_lines(found);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("little by little between 1 (") != std::string::npos);
}

TEST_CASE("the interval of a change is that of two independent runs") {
  const SpeedEvidence before{{2, 2 / 1.03, 2 * 1.03, 12}, 0.01}, after{{1, 1 / 1.04, 1.04, 20}, 0.02};
  const SpeedEvidence change = history::change_between(before, after);
  CHECK(change.speed.ratio == Approx(0.5));
  const double half = std::sqrt(std::pow(std::log(1.03), 2) + std::pow(std::log(1.04), 2));
  CHECK(change.speed.low == Approx(0.5 * std::exp(-half)));
  CHECK(change.speed.high == Approx(0.5 * std::exp(half)));
  CHECK(change.noise_floor == 0.02);
  CHECK(change.speed.pairs == 12);
  CHECK(std::isnan(history::change_between({{2, kNotANumber, kNotANumber, 3}, 0.01}, after).speed.low));
}

TEST_CASE("a file that lacks a trial is passed over, and the next is held against the one before it") {
  std::vector<NamedFile> files = files_of({2, 2, 1});
  for (ResultFile* file : {&files[0].results, &files[2].results}) {
    TrialRecord more = file->trials[1];
    more.backend = "openmp";
    more.id = "openmp-t1-s1";
    file->trials.push_back(more);
  }
  const history::History found = over(files);
  REQUIRE(found.found.series.size() == 2);
  CHECK_FALSE(found.found.series[1].points[1].has_value());
  CHECK(found.consecutive.back().from == 0);
  CHECK(found.consecutive.back().to == 2);
  CHECK(code(files, "slower:5%") == kExitRegression);  // of tbb; openmp has no file before
  files[1].results.trials.erase(files[1].results.trials.begin() + 1);
}

TEST_CASE("the option --fail-if holds the last file against the one before it") {
  CHECK(code(files_of({2, 1, 1}), "slower:5%") == kExitOk);
  CHECK(code(files_of({2, 2, 1}), "slower:5%") == kExitRegression);
  CHECK(code(files_of({1, 1, 1}), "learns-worse") == kExitOk);
  std::vector<NamedFile> files = files_of({1, 1, 1}, 4);
  files[2].results = with(with_learning(4, [](double seed) { return 0.06 + 0.001 * seed; }), "blas", [](auto&) {});
  CHECK(code(files, "learns-worse") == kExitRegression);
}

TEST_CASE("what only one of the last two files has cannot be told by --fail-if") {
  std::vector<NamedFile> files = files_of({1, 1, 1});
  TrialRecord more = files[2].results.trials[1];
  more.backend = "openmp";
  more.id = "openmp-t1-s1";
  files[2].results.trials.push_back(more);
  CHECK(code(files, "slower:5%") == kExitInconclusive);
}

TEST_CASE("step times are shown of one machine, and left out of several, which is said") {
  std::vector<NamedFile> files = files_of({1, 1, 1});
  for (NamedFile& file : files) name_machine(file.results, "a");
  CHECK(history::text_report(over(files), {}).find("step time") != std::string::npos);
  CHECK(nlohmann::json::parse(history::json_report(over(files), {}))["series"][0]["files"][0]["step_time"] > 0);
  name_machine(files[1].results, "b");
  const std::string text = history::text_report(over(files), {});
  CHECK(text.find("step time  ") == std::string::npos);
  CHECK(text.find("step times are not to be compared") != std::string::npos);
  CHECK(nlohmann::json::parse(history::json_report(over(files), {}))["series"][0]["files"][0]["step_time"].is_null());
}

TEST_CASE("differences of program, settings and machine are listed, those of measured limits are not") {
  std::vector<NamedFile> files = files_of({1, 1, 1});
  for (NamedFile& file : files) name_machine(file.results, "a");
  std::get<double>(files[1].results.environments[0][2].second) = 90;
  files[2].results.environments[0][1].second = std::string("Fast 2");
  for (TrialRecord& trial : files[2].results.trials) {
    trial.settings.emplace_back("measure.rounds", std::int64_t{20});
  }
  const history::History found = over(files);
  REQUIRE(found.steps.size() == 2);
  REQUIRE(found.steps[0].differences.size() == 1);
  CHECK(found.steps[0].differences[0].name == "commit");
  REQUIRE(found.steps[1].differences.size() == 3);
  CHECK(found.steps[1].differences[1].name == "measure.rounds");
  CHECK(found.steps[1].differences[1].before.empty());
  CHECK(found.steps[1].differences[1].after == "20");
  CHECK(found.steps[1].differences[2].before == "Fast 1");
  CHECK(found.steps[1].differences[2].after == "Fast 2");
}

TEST_CASE("settings in another order are the same experiment") {
  std::vector<NamedFile> files = files_of({1, 1, 1});
  for (TrialRecord& trial : files[1].results.trials) std::swap(trial.settings[0], trial.settings[1]);
  CHECK(over(files).found.series.size() == 1);
}

TEST_CASE("a file of another experiment is refused with its name and the difference") {
  std::vector<NamedFile> files = files_of({1, 1, 1});
  for (TrialRecord& trial : files[2].results.trials) trial.settings[1].second = 0.2;
  CHECK_THROWS_WITH(over(files),
                    "compare: 3: not the same experiment: trial blas-t1-s1 has training.learning_rate "
                    "0.2, in 1 it is 0.1");
}

TEST_CASE("a file of other data is refused with its name") {
  std::vector<NamedFile> files = files_of({1, 1, 1});
  for (TrialRecord& trial : files[1].results.trials) trial.dataset_digest = "d2";
  CHECK_THROWS_WITH(over(files), Catch::Contains("2: not the same experiment") && Catch::Contains("digest d2, in 1 "));
}

TEST_CASE("files of different baselines are refused with what would do") {
  std::vector<NamedFile> files = files_of({1, 1, 1});
  for (TrialRecord& trial : files[1].results.trials) trial.is_baseline = trial.backend == "tbb";
  CHECK_THROWS_WITH(over(files), Catch::Contains("(1: blas-t1; 2: tbb-t1); choose one that all have with --baseline"));
  CHECK_NOTHROW(history::history_of(files, "blas", kSpeedMargin));
}

TEST_CASE("a file without a trial beside the baseline, and one given twice, are refused") {
  std::vector<NamedFile> files = files_of({1, 1, 1});
  files[1].results = with(files[1].results, "tbb", [](TrialRecord& trial) { trial.status = Status::failed; });
  CHECK_THROWS_WITH(over(files), Catch::Contains("compare: 2: has no trial besides the baseline that completed"));
  files = files_of({1, 1, 1});
  files[2].name = "1";
  CHECK_THROWS_WITH(over(files), "compare: 1: is given twice");
}

TEST_CASE("files that are not in the order of their dates are warned of") {
  std::vector<NamedFile> files = files_of({1, 1, 1});
  CHECK(over(files).found.warnings.empty());
  std::swap(files[0], files[1]);
  REQUIRE(over(files).found.warnings.size() == 1);
  CHECK(over(files).found.warnings[0].starts_with("1 is older than 2"));
}

TEST_CASE("conditions are series of their own, named by what differs") {
  std::vector<NamedFile> files = files_of({2, 2, 2});
  for (NamedFile& file : files) {
    const ResultFile other = compared_file(0.5, 2);
    for (TrialRecord& trial : file.results.trials) trial.settings.emplace_back("training.batch_size", std::int64_t{32});
    for (TrialRecord trial : other.trials) {
      trial.settings.emplace_back("training.batch_size", std::int64_t{128});
      trial.id += "-b128";
      trial.group += "-b128";
      file.results.trials.push_back(trial);
    }
    for (GroupRecord group : other.groups) {
      group.id += "-b128";
      const std::string blas = group.trials[0] + "-b128";
      group.trials = {blas, twin_id(blas), group.trials[2] + "-b128"};
      file.results.groups.push_back(group);
    }
  }
  const history::History found = over(files);
  REQUIRE(found.found.series.size() == 2);
  CHECK(history::name_of(found.found.series[0]) == "tbb-t1 (batch_size 32)");
  CHECK(found.found.series[1].points[2]->speed.speed.ratio == Approx(0.5).epsilon(0.01));
}

TEST_CASE("every line of a history's CSV has as many fields as the heading") {
  const std::string text = history::csv_report(over(files_of({2, 1, 2})));
  const auto commas = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(text.find('\n')), ',');
  CHECK(std::count(text.begin(), text.end(), '\n') == 4);
  for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::string line = text.substr(begin, end - begin);
    if (const auto quoted = line.find('"'); quoted != std::string::npos) line.erase(quoted, line.rfind('"') - quoted);
    CHECK(std::count(line.begin(), line.end(), ',') == commas);
  }
}

}  // namespace stepbench::testing
