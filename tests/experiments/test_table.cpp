#include <catch2/catch.hpp>
#include <cmath>

#include "experiments/show/results_table.hpp"
#include "experiments/terminal/text_table.hpp"

namespace stepbench::testing {
namespace {

TrialRecord make_record(const std::string& backend, std::int64_t threads, const std::string& digest) {
  TrialRecord record;
  record.id = backend + "-t" + std::to_string(threads) + "-s1";
  record.group = "s1";
  record.backend = backend;
  record.threads = threads;
  record.parameter_digest = digest;
  record.same_bits_for_any_threads = backend == "tbb";
  return record;
}

}  // namespace

TEST_CASE("columns are as wide as their widest cell, counted in characters") {
  TextTable table;
  table.add_column("name", TextTable::Align::left);
  table.add_column("n");
  table.add_row({"a", "±1"});
  table.add_row({"longer", "100"});
  CHECK(table.text() == "name      n\na        ±1\nlonger  100\n");
}

TEST_CASE("a table that is too wide breaks the cells of its widest left-aligned column between words") {
  TextTable table;
  table.add_column("key", TextTable::Align::left);
  table.add_column("what", TextTable::Align::left);
  table.add_column("n");
  table.add_row({"loss", "one two three four", "7"});
  CHECK(table.text(24) == "key   what             n\nloss  one two three    7\n      four\n");
  CHECK(table.text(18) == "key   what       n\nloss  one two    7\n      three\n      four\n");
  CHECK(table.text(5) == "key   what   n\nloss  one    7\n      two\n      three\n      four\n");  // words stay whole
}

TEST_CASE("same bits compares the trials that promise it and have a partner") {
  ResultFile file;
  file.trials = {make_record("blas", 1, "a"), make_record("blas", 2, "b"), make_record("tbb", 1, "c"),
                 make_record("tbb", 2, "c")};
  CHECK(same_bits(file, file.trials[0]) == "-");  // not promised
  CHECK(same_bits(file, file.trials[2]) == "yes");
  file.trials[3].parameter_digest = "d";
  CHECK(same_bits(file, file.trials[2]) == "NO");
  file.trials.pop_back();
  CHECK(same_bits(file, file.trials[2]) == "-");  // nothing to compare
}

TEST_CASE("a trial that was not timed shows its status and its reason") {
  ResultFile file;
  file.experiment = "e";
  file.trials = {make_record("tbb", 1, "c")};
  file.trials[0].status = Status::failed;
  file.trials[0].message = "gate: the loss differs";
  const std::string text = results_table(file);
  CHECK(text.find("tbb-t1-s1 failed: gate: the loss differs") != std::string::npos);
}

TEST_CASE("a transformer's table shows its sizes and tokens per second") {
  ResultFile file;
  file.experiment = "e";
  file.trials = {make_record("tbb", 1, "c")};
  TrialRecord& record = file.trials[0];
  record.settings = {{"dataset.kind", std::string("text")}, {"model.kind", std::string("transformer")},
                     {"model.d_model", std::int64_t{64}},   {"model.heads", std::int64_t{4}},
                     {"model.blocks", std::int64_t{2}},     {"model.context", std::int64_t{32}}};
  record.summary.step_time_median = 1;
  record.summary.step_time_mad = 0;
  record.summary.samples_per_second = 123;
  record.summary.tokens_per_second = 45678;
  const std::string text = results_table(file);
  CHECK(text.find("e: text, D 64, L 2, H 4, T 32\n") == 0);
  CHECK(text.find("tokens/s") != std::string::npos);
  CHECK(text.find("45,678") != std::string::npos);
  CHECK(text.find("samples/s") == std::string::npos);
  CHECK(text.find("123") == std::string::npos);
}

namespace {

/// A baseline and a rival, of one round.
ResultFile file_with_ratio() {
  ResultFile file;
  file.experiment = "e";
  file.trials = {make_record("blas", 1, "a"), make_record("tbb", 1, "b")};
  file.trials[0].is_baseline = true;
  for (TrialRecord& record : file.trials) {
    record.summary.step_time_median = 1;
    record.summary.step_time_mad = 0;
    record.summary.samples_per_second = 1;
  }
  file.groups = {{.id = "s1",
                  .trials = {"blas-t1-s1", "tbb-t1-s1"},
                  .step_time = {1, 1},
                  .disturbed = {0, 0},
                  .peak_gflops = {1}}};
  return file;
}

/// The same with twelve rounds that make a ratio of 1.1 [1.05, 1.15], and a twin that makes this noise floor.
ResultFile file_with_rounds(double noise_floor) {
  ResultFile file = file_with_ratio();
  GroupRecord& rounds = file.groups[0];
  rounds.trials.push_back(twin_id("blas-t1-s1"));
  rounds.step_time.clear();
  rounds.disturbed.clear();
  rounds.peak_gflops.assign(12, 1);
  const double middle = std::sqrt(1.05 * 1.15), half_width = std::log(1.15 / 1.05) / 2;
  const double apart = half_width * std::sqrt(11) / 2.2009851601;  // t quantile of 11 degrees
  for (int round = 0; round < 12; ++round) {
    const double ratio = middle * std::exp(round % 2 == 0 ? apart : -apart);
    rounds.step_time.insert(rounds.step_time.end(), {ratio, 1, ratio * (1 + noise_floor)});
  }
  return file;
}

}  // namespace

TEST_CASE("a speed is marked as the same or as one that cannot be told, and what would tell is said once") {
  ResultFile file = file_with_rounds(0.02);
  CHECK(results_table(file).find("1.10x [1.05, 1.15]  ") != std::string::npos);
  CHECK(results_table(file).find("what would tell") == std::string::npos);
  CHECK(results_table(file, 0.2).find("1.10x [1.05, 1.15] =") != std::string::npos);
  CHECK(results_table(file, 0.2).find("within 20%") != std::string::npos);
  file = file_with_rounds(0.3);
  file.trials.push_back(file.trials[1]);
  const std::string text = results_table(file);
  CHECK(text.find("1.10x [1.05, 1.15] ?") != std::string::npos);
  CHECK(text.find("noise floor, from the baseline run twice: 30.0%") != std::string::npos);
  const std::string remedy = "a quieter machine or more rounds (noise floor 30.0%)";
  CHECK(text.find(remedy) != std::string::npos);
  CHECK(text.find(remedy) == text.rfind(remedy));
}

TEST_CASE("a table says how many comparisons it makes, and what they could have found") {
  // Of one: t(0.975) + t(0.9) of 11 degrees, 2.2010 + 1.3634, times the standard error, log(1.15/1.05) / 2 / 2.2010.
  ResultFile file = file_with_rounds(0.02);
  CHECK(results_table(file).find("1 comparison; smallest difference that 9 of 10 such runs would find: 7.6%\n") !=
        std::string::npos);
  // A noise floor of 30% and the same again: 1.3 exp(1.3634 * 0.02067) - 1.
  CHECK(results_table(file_with_rounds(0.3)).find("would find: 33.7%\n") != std::string::npos);
  file.trials.push_back(file.trials[1]);
  CHECK(results_table(file).find("2 comparisons; smallest difference that 9 of 10 such runs would find: ") !=
        std::string::npos);
  CHECK(results_table(file).find("(false discoveries held at 5%)") != std::string::npos);
  CHECK(results_table(file_with_ratio()).find("comparison") == std::string::npos);
}

TEST_CASE("among many comparisons without a difference, one that stands out a little cannot be told") {
  ResultFile file = file_with_rounds(0.02);
  GroupRecord& rounds = file.groups[0];
  // The interval leaves 1 out by little: p is a little below 0.05 alone.
  for (std::size_t round = 0; round < 12; ++round) rounds.step_time[3 * round + 1] = 1.1 / 1.0485;
  CHECK(results_table(file, 0).find("1.05x [1.00, 1.10]  ") != std::string::npos);
  for (int i = 2; i < 10; ++i) {
    TrialRecord& copy = file.trials.emplace_back(make_record("tbb", i, "b"));
    copy.summary.step_time_median = 1;
    rounds.trials.push_back(copy.id);
    std::vector<double> wider;
    const std::size_t width = rounds.trials.size() - 1;
    for (std::size_t round = 0; round < 12; ++round) {
      const auto row = rounds.step_time.begin() + static_cast<std::ptrdiff_t>(round * width);
      wider.insert(wider.end(), row, row + static_cast<std::ptrdiff_t>(width));
      wider.push_back(*row * (round % 3 == 0 ? 1.02 : 0.99));
    }
    rounds.step_time = wider;
  }
  const std::string text = results_table(file, 0);
  CHECK(text.find("1.05x [1.00, 1.10] ?") != std::string::npos);
  CHECK(text.find("more rounds or fewer comparisons (one of 9 may be chance)") != std::string::npos);
}

TEST_CASE("speeds and percents of peak are of the mean over the rounds, so that they have the ratio that is shown") {
  ResultFile file = file_with_ratio();
  for (TrialRecord& record : file.trials) {
    record.summary.samples_per_second = 1000;  // of the median step, 1 s
    record.summary.percent_of_peak = 50;
  }
  file.groups[0].step_time = {2, 1, 0.5, 4};  // (round, trial): means 1 and 2
  file.groups[0].peak_gflops = {1, 1};
  const std::string text = results_table(file);
  CHECK(text.find("1,000 ±0.0%") != std::string::npos);
  CHECK(text.find("500 ±0.0%") != std::string::npos);
  CHECK(text.find("25.0") != std::string::npos);
}

TEST_CASE("a file of two kinds of data names neither in its heading, and both in a column") {
  ResultFile file = file_with_ratio();
  file.trials[0].settings = {{"dataset.kind", std::string("blobs")}, {"model.kind", std::string("mlp")}};
  file.trials[1].settings = {{"dataset.kind", std::string("text")}, {"model.kind", std::string("transformer")}};
  const std::string text = results_table(file);
  CHECK(text.starts_with("e:\n"));
  CHECK(text.find("dataset.kind   model.kind  backend") != std::string::npos);
  CHECK(text.find("samples/s") != std::string::npos);
}

TEST_CASE("the heading has the rule by which the learning rate follows the batch, where there is one") {
  ResultFile file = file_with_ratio();
  for (TrialRecord& trial : file.trials) {
    trial.settings = {{"training.learning_rate", 0.8}, {"training.noise_scale", 48.0}};
  }
  CHECK(results_table(file).starts_with("e: learning rate 0.8 / (1 + 48 / batch)\n"));
  file.trials[1].settings[1].second = 0.0;  // then it has a column
  CHECK(results_table(file).starts_with("e: learning rate 0.8\n"));
  file.trials[0].settings[1].second = 0.0;
  CHECK(results_table(file).starts_with("e: learning rate 0.8\n"));
}

TEST_CASE("a noise scale has a column where it was measured, and is explained there") {
  ResultFile file = file_with_ratio();
  CHECK(results_table(file).find("noise scale") == std::string::npos);
  file.trials[1].summary.gradient_noise_scale = 48.04;
  const std::string text = results_table(file);
  CHECK(text.find("val. acc.  noise scale  grad. error") != std::string::npos);
  CHECK(text.find("48.0") != std::string::npos);
  CHECK(text.find("noise scale: of the gradient, samples") != std::string::npos);
}

TEST_CASE("how a run that went on kept what it had is no column") {
  ResultFile file = file_with_ratio();
  file.trials[0].settings.emplace_back("record.checkpoint_every", std::string("10 min"));
  file.trials[1].settings.emplace_back("record.checkpoint_every", std::string("1 min"));
  CHECK(results_table(file).find("checkpoint") == std::string::npos);
}

TEST_CASE("disturbed blocks are counted below the table, and calm ones are not mentioned") {
  ResultFile file = file_with_ratio();
  CHECK(results_table(file).find("noise watch") == std::string::npos);
  file.groups[0].disturbed = {0, kStolenTime};
  CHECK(results_table(file).find("noise watch: 1 of 2 blocks disturbed: stolen time (1)") != std::string::npos);
}

TEST_CASE("a trial that took no turns with the others is marked as unpaired") {
  ResultFile file = file_with_ratio();
  file.groups[0].step_time = {1.1, 1};
  CHECK(results_table(file).find("x unpaired") == std::string::npos);
  CHECK(results_table(file).find("1.10x ?") != std::string::npos);
  file.groups[0].trials.pop_back();
  file.groups[0].step_time = {1};
  file.trials[1].summary.step_time_median = 0.8;
  CHECK(results_table(file).find("1.25x unpaired ?") != std::string::npos);
}

TEST_CASE("a peer that is faster than the best of ours is the first thing that is said") {
  ResultFile file = file_with_ratio();
  file.trials[1].library = "PyTorch 9";
  file.trials[1].setting = "OMP_WAIT_POLICY=active";
  file.trials[1].settings_tried = "two";
  GroupRecord& rounds = file.groups[0];
  rounds.step_time.clear();
  for (int round = 0; round < 12; ++round) {
    rounds.step_time.insert(rounds.step_time.end(), {2 + 0.01 * (round % 3), 1});
    rounds.disturbed.resize(rounds.step_time.size());
    rounds.peak_gflops.resize(static_cast<std::size_t>(round) + 1, 1);
  }
  const std::string text = results_table(file);
  const std::size_t ahead = text.find("tbb-t1-s1 is 2.01x [2.00, 2.02] faster than blas-t1-s1, the fastest of ours\n");
  CHECK(ahead < text.find("backend"));
  CHECK(text.find("tbb: PyTorch 9, in a process of its own; best of its settings: OMP_WAIT_POLICY=active\n") !=
        std::string::npos);
  std::swap(file.trials[0].library, file.trials[1].library);  // and one that is slower is not
  CHECK(results_table(file).find("the fastest of ours") == std::string::npos);
}

TEST_CASE("a file without trials has a table that says so") {
  CHECK(results_table({}).find("no trials") != std::string::npos);
}

}  // namespace stepbench::testing
