// A row of several seeds: each of its numbers against planted ones, and what becomes of seeds that did not complete.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <map>
#include <regex>
#include <sstream>

#include "core/text/text.hpp"
#include "experiments/compare/match.hpp"
#include "experiments/compare/speed.hpp"
#include "experiments/show/results_table.hpp"

namespace stepbench::testing {
namespace {

constexpr int kRounds = 4, kSeeds = 3;

TrialRecord seed_trial(const std::string& backend, int seed) {
  TrialRecord trial;
  trial.backend = backend;
  trial.seed = static_cast<std::uint64_t>(seed);
  trial.group = fmt::format("s{}", seed);
  trial.id = fmt::format("{}-t1-s{}", backend, seed);
  trial.settings = {{"model.kind", std::string("mlp")}, {"training.learning_rate", 0.1}};
  trial.is_baseline = backend == "blas";
  trial.summary.step_time_median = 1;
  trial.summary.step_time_mad = 0.03;
  trial.summary.samples_per_second = 1000;
  trial.summary.percent_of_peak = trial.is_baseline ? 40 : 10;
  trial.summary.final_train_loss = 0.1 * seed;
  trial.summary.best_validation_loss = 0.2 + 0.2 * seed;
  trial.summary.best_validation_accuracy = 0.88 + 0.02 * seed;
  trial.checks = {{.tensor = "w", .gradient_error = seed == 2 ? 3e-7 : 1e-7}};
  return trial;
}

/// Seeds 1, 2, 3, whose steps take 1.25, 1 and 0.8 s with blas. tbb is 2 times as fast, in the rounds by turns 1.1
/// times more and less; the twin of blas by turns 1.02 times slower and faster.
ResultFile file_of_seeds() {
  ResultFile file;
  file.experiment = "e";
  for (int seed = 1; seed <= kSeeds; ++seed) {
    file.trials.push_back(seed_trial("blas", seed));
    file.trials.push_back(seed_trial("tbb", seed));
    const std::string own = fmt::format("tbb-t1-s{}", seed), baseline = fmt::format("blas-t1-s{}", seed);
    GroupRecord group{.id = fmt::format("s{}", seed), .trials = {baseline, own, twin_id(baseline)}};
    const double step = seed == 1 ? 1.25 : seed == 2 ? 1 : 0.8;
    for (int round = 0; round < kRounds; ++round) {
      const bool odd = round % 2 == 1;
      group.step_time.insert(group.step_time.end(),
                             {step, step / 2 * (odd ? 1.1 : 1 / 1.1), step * (odd ? 1.02 : 1 / 1.02)});
      group.peak_gflops.push_back(1);
    }
    file.groups.push_back(std::move(group));
  }
  return file;
}

TrialRecord& trial_of(ResultFile& file, const std::string& id) {
  return *std::ranges::find(file.trials, id, &TrialRecord::id);
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  const std::regex gap(" {2,}");
  for (std::sregex_token_iterator cell(line.begin(), line.end(), gap, -1), end; cell != end; ++cell) {
    if (cell->length() > 0) cells.emplace_back(trimmed(cell->str()));
  }
  return cells;
}

using Row = std::map<std::string, std::string>;

/// The rows of a table, by heading.
std::vector<Row> rows_of(const std::string& table) {
  std::vector<Row> rows;
  std::vector<std::string> headings;
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> cells = cells_of(line);
    if (headings.empty()) {
      if (std::ranges::find(cells, "backend") != cells.end()) headings = cells;
      continue;
    }
    if (cells.size() != headings.size()) continue;
    Row& row = rows.emplace_back();
    for (std::size_t i = 0; i < cells.size(); ++i) row[headings[i]] = cells[i];
  }
  return rows;
}

Row row_of(const ResultFile& file, const std::string& backend) {
  for (Row& row : rows_of(results_table(file))) {
    if (row["backend"] == backend) return row;
  }
  return {};
}

bool says(const ResultFile& file, const std::string& text) {
  return results_table(file).find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("trials that differ in the seed alone are one row") {
  CHECK(rows_of(results_table(file_of_seeds())).size() == 2);
  CHECK(row_of(file_of_seeds(), "tbb")["seeds"] == "3");
}

TEST_CASE("how to read rows of several seeds is said where there are any") {
  CHECK(says(file_of_seeds(), "`show --all`: a row for each"));
  ResultFile file = file_of_seeds();
  file.trials.resize(2);
  CHECK_FALSE(says(file, "--all"));
  CHECK_FALSE(says(file, "seeds"));
}

TEST_CASE("a row for each seed is there when it is asked for") {
  const std::vector<Row> rows = rows_of(results_table(file_of_seeds(), kSpeedMargin, SeedRows::each));
  REQUIRE(rows.size() == 6);
  CHECK(rows[3].at("seed") == "2");
  CHECK(rows[3].at("train loss") == "0.2000");
}

TEST_CASE("trials that differ in a setting, too, are rows of their own") {
  ResultFile file = file_of_seeds();
  trial_of(file, "tbb-t1-s3").settings[1].second = 0.2;
  CHECK(rows_of(results_table(file)).size() == 3);
}

TEST_CASE("a trial that is there twice with one seed does not count as two seeds") {
  ResultFile file = file_of_seeds();
  file.trials.push_back(trial_of(file, "tbb-t1-s2"));
  const std::vector<Row> rows = rows_of(results_table(file));
  REQUIRE(rows.size() == 3);
  CHECK(rows[1].at("seeds") == "3");
  CHECK(rows[2].at("seeds") == "1");
}

TEST_CASE("a row's rate is the geometric mean of its seeds, with their geometric standard deviation") {
  CHECK(row_of(file_of_seeds(), "blas")["samples/s"] == "1,000 ±25.0%");  // of 800, 1000, 1250
  CHECK(row_of(file_of_seeds(), "tbb")["samples/s"] == "2,000 ±25.0%");
}

TEST_CASE("a row's percent of peak is the mean of its seeds") {
  CHECK(row_of(file_of_seeds(), "blas")["% of peak"] == "40.7");  // of 32, 40, 50
  CHECK(row_of(file_of_seeds(), "tbb")["% of peak"] == "20.3");
}

TEST_CASE("a row's losses and accuracy are means of its seeds, with their standard deviations") {
  Row row = row_of(file_of_seeds(), "tbb");
  CHECK(row["train loss"] == "0.2000 ±0.1000");  // of 0.1, 0.2, 0.3
  CHECK(row["val. loss"] == "0.6000 ±0.2000");
  CHECK(row["val. acc."] == "0.9200 ±0.0200");
}

TEST_CASE("a row's ratio is paired by round over the rounds of all seeds") {
  // 12 logarithms of mean ln 2, each ln 1.1 off it: half of the interval is t(11) ln 1.1 / sqrt(11) = 0.0633.
  CHECK(row_of(file_of_seeds(), "tbb")["vs blas"] == "2.00x [1.88, 2.13]");
  CHECK(row_of(file_of_seeds(), "blas")["vs blas"] == "1 (baseline)");
}

TEST_CASE("the table's ratio of several seeds is compare's") {
  const ResultFile file = file_of_seeds();
  const std::vector<compare::SpeedRow> rows = compare::compare_speed(compare::match_within(file, ""), kSpeedMargin);
  REQUIRE(rows.back().seeds.size() == 3);
  const RatioEstimate& speed = rows.back().evidence.speed;
  CHECK(row_of(file, "tbb")["vs blas"] == fmt::format("{:.2f}x [{:.2f}, {:.2f}]", speed.ratio, speed.low, speed.high));
}

TEST_CASE("the noise floor is of the rounds of all seeds") {
  // 12 logarithms of mean 0, each ln 1.02 off it: t(11) ln 1.02 / sqrt(11) = 0.0131.
  CHECK(says(file_of_seeds(), "noise floor, from the baseline run twice: 1.3%\n"));
}

TEST_CASE("a row's ratio is marked by the noise floor of all seeds") {
  ResultFile file = file_of_seeds();
  for (GroupRecord& group : file.groups) {
    for (std::size_t i = 2; i < group.step_time.size(); i += 3) group.step_time[i] *= 3;
  }
  CHECK(row_of(file, "tbb")["vs blas"] == "2.00x [1.88, 2.13] ?");
}

TEST_CASE("what would tell says that rounds are counted over all seeds") {
  ResultFile file = file_of_seeds();
  for (GroupRecord& group : file.groups) {
    for (std::size_t i = 1; i < group.step_time.size(); i += 3) group.step_time[i] *= 2;  // as fast, but widely spread
  }
  CHECK(row_of(file, "tbb")["vs blas"].ends_with(" ?"));
  CHECK(says(file, "(now 12); rounds are those of all seeds together\n"));
}

TEST_CASE("blocks that did not alternate give several seeds a ratio without an interval") {
  ResultFile file = file_of_seeds();
  for (TrialRecord& trial : file.trials) trial.settings.emplace_back("measure.interleave", false);
  CHECK(row_of(file, "tbb")["vs blas"] == "2.00x ?");
}

TEST_CASE("several seeds without rounds have an unpaired ratio") {
  ResultFile file = file_of_seeds();
  for (GroupRecord& group : file.groups) group.trials[1] = "another";
  for (TrialRecord& trial : file.trials) {
    if (trial.backend == "tbb") trial.summary.step_time_median = 0.25;
  }
  CHECK(row_of(file, "tbb")["vs blas"] == "4.00x unpaired ?");
}

TEST_CASE("a row's gradient error is its worst seed's") {
  CHECK(row_of(file_of_seeds(), "tbb")["grad. error"] == "3.0e-07");
  ResultFile file = file_of_seeds();
  trial_of(file, "tbb-t1-s1").checks[0].gradient_error = kNotANumber;
  CHECK(row_of(file, "tbb")["grad. error"] == "NaN");
}

TEST_CASE("a row's bits are the same when each seed's are") {
  ResultFile file = file_of_seeds();
  for (int seed = 1; seed <= kSeeds; ++seed) {
    TrialRecord& trial = trial_of(file, fmt::format("tbb-t1-s{}", seed));
    trial.parameter_digest = fmt::format("d{}", seed);
    trial.same_bits_for_any_threads = true;
    TrialRecord other = trial;
    other.threads = 2;
    other.id = fmt::format("tbb-t2-s{}", seed);
    file.trials.push_back(other);
  }
  CHECK(row_of(file, "tbb")["same bits"] == "yes");
  trial_of(file, "tbb-t2-s2").parameter_digest = "other";
  CHECK(row_of(file, "tbb")["same bits"] == "NO");
  trial_of(file, "tbb-t2-s2").parameter_digest = "";  // nothing to hold seed 2 against
  CHECK(row_of(file, "tbb")["same bits"] == "-");
}

TEST_CASE("a seed that did not complete is not averaged, but counted and named") {
  const Status status = GENERATE(Status::diverged, Status::failed, Status::interrupted, Status::unsupported);
  ResultFile file = file_of_seeds();
  TrialRecord& trial = trial_of(file, "tbb-t1-s2");
  trial.status = status;
  trial.message = "the reason";
  trial.summary.final_train_loss = 1e9;
  Row row = row_of(file, "tbb");
  CHECK(row["seeds"] == "2 of 3");
  CHECK(row["samples/s"] == "2,000 ±37.1%");  // of 1600 and 2500: exp(ln(1.5625) / sqrt(2))
  CHECK(row["% of peak"] == "20.5");
  CHECK(row["train loss"] == "0.2000 ±0.1414");   // of 0.1 and 0.3
  CHECK(row["vs blas"] == "2.00x [1.84, 2.18]");  // 8 rounds: t(7) ln 1.1 / sqrt(7) = 0.0852
  CHECK(says(file, fmt::format("\ntbb-t1-s2 {}: the reason\n", to_text(status))));
  CHECK(row_of(file, "blas")["seeds"] == "3");
}

TEST_CASE("seeds that ended alike are named together") {
  ResultFile file = file_of_seeds();
  for (const char* id : {"tbb-t1-s1", "tbb-t1-s3"}) {
    trial_of(file, id).status = Status::failed;
    trial_of(file, id).message = "no memory";
  }
  CHECK(says(file, "\ntbb-t1-s1, tbb-t1-s3 failed: no memory\n"));
}

TEST_CASE("of a single seed that completed there is no spread over seeds") {
  ResultFile file = file_of_seeds();
  trial_of(file, "tbb-t1-s1").status = trial_of(file, "tbb-t1-s3").status = Status::diverged;
  Row row = row_of(file, "tbb");
  CHECK(row["seeds"] == "1 of 3");
  CHECK(row["samples/s"] == "2,000 ±3.0%");  // its steps' spread
  CHECK(row["train loss"] == "0.2000");
}

TEST_CASE("a row of which no seed completed shows how they ended, and no numbers") {
  ResultFile file = file_of_seeds();
  for (TrialRecord& trial : file.trials) {
    if (trial.backend == "tbb") trial.status = trial.seed == 3 ? Status::failed : Status::diverged;
  }
  Row row = row_of(file, "tbb");
  CHECK(row["seeds"] == "0 of 3");
  CHECK(row["samples/s"] == "diverged, failed");
  for (const char* column : {"vs blas", "% of peak", "train loss", "val. loss", "val. acc."}) CHECK(row[column] == "-");
}

TEST_CASE("a seed whose baseline did not complete is not in its row's ratio, and that is said") {
  ResultFile file = file_of_seeds();
  trial_of(file, "blas-t1-s2").status = Status::diverged;
  Row row = row_of(file, "tbb");
  CHECK(row["seeds"] == "3");
  CHECK(row["vs blas"] == "2.00x [1.84, 2.18]");
  CHECK(says(file,
             "tbb-t1-s2 is not in its row's speed against the baseline: its baseline blas-t1-s2 did not complete\n"));
}

TEST_CASE("a seed that is held against another baseline than the others is not in its row's ratio") {
  ResultFile file = file_of_seeds();
  trial_of(file, "blas-t1-s3").threads = 2;
  CHECK(row_of(file, "tbb")["vs baseline"] == "2.00x [1.84, 2.18]");
  CHECK(says(file, "tbb-t1-s3 is not in its row's speed against the baseline: its baseline is another, blas-t1-s3\n"));
}

TEST_CASE("a quantity that a seed lacks has no mean") {
  ResultFile file = file_of_seeds();
  trial_of(file, "tbb-t1-s1").summary.best_validation_accuracy = kNotANumber;
  CHECK(row_of(file, "tbb")["val. acc."] == "-");
}

TEST_CASE("seeds that ran on different machines stay rows of their own") {
  ResultFile file = file_of_seeds();
  file.environments = {{{"hostname", std::string("here")}}, {{"hostname", std::string("there")}}};
  file.groups[1].environment = 1;
  CHECK(rows_of(results_table(file)).size() == 6);
  CHECK(says(file, "a row for each seed, as seeds of one row ran on different machines\n"));
}

TEST_CASE("a trial that the first seed has not stands with the others of its settings") {
  ResultFile file = file_of_seeds();
  TrialRecord other = trial_of(file, "blas-t1-s1");
  other.settings[1].second = 0.2;
  other.group = other.id = "other";
  file.trials.push_back(other);
  TrialRecord late = trial_of(file, "tbb-t1-s3");
  late.backend = "late";
  file.trials.push_back(late);
  std::vector<std::string> backends;
  for (const Row& row : rows_of(results_table(file))) backends.push_back(row.at("backend"));
  CHECK(backends == std::vector<std::string>{"blas", "tbb", "late", "blas"});
}

}  // namespace stepbench::testing
