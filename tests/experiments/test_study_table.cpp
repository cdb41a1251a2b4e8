// The table of a study of scaling: what it says of measured and of predicted numbers of workers.
#include <catch2/catch.hpp>
#include <string>

#include "experiments/show/study_table.hpp"

namespace stepbench::testing {
namespace {

/// tbb on these numbers of threads; steps of 8 ms on one, 5 on two, in each of 8 rounds, and a model that says 4.
ResultFile file_with_study(std::int64_t ranks = 0) {
  ResultFile file;
  GroupRecord group{.id = "s1"};
  for (const std::int64_t workers : {1, 2}) {
    TrialRecord trial;
    trial.backend = "tbb";
    trial.group = "s1";
    trial.ranks = ranks > 0 ? workers : 0;
    trial.threads = ranks > 0 ? 1 : workers;
    trial.id = ranks > 0 ? "tbb-r" + std::to_string(workers) + "-t1-s1" : "tbb-t" + std::to_string(workers) + "-s1";
    trial.settings = {{"scaling.kind", std::string("strong")}};
    trial.batch_size = 100;
    trial.flops_per_step = 1e8;
    trial.study = {.workers = {1, 2, 64},
                   .samples = {100, 100, 100},
                   .step_time = {0.008, 0.004, 0.0005},
                   .sample_time = 7e-5,
                   .fixed_time = 1e-3,
                   .overlap = 0.25};
    group.trials.push_back(trial.id);
    file.trials.push_back(trial);
  }
  for (int round = 0; round < 8; ++round) {
    group.step_time.insert(group.step_time.end(), {0.008, 0.005});
    group.peak_gflops.push_back(100);
  }
  file.groups.push_back(group);
  return file;
}

}  // namespace

TEST_CASE("a study's table has speed-up, efficiency and how far the model is off") {
  const std::string text = study_tables(file_with_study());
  CHECK(text.find("strong scaling of tbb (s1):") == 0);
  CHECK(text.find("2      100          5      20000  1.60x [1.60, 1.60]            80.0           4  -20.0%") !=
        std::string::npos);
}

TEST_CASE("a study's table is a table of LaTeX, and how to read it a comment") {
  const std::string text = study_tables(file_with_study(), TableFormat::latex);
  CHECK(text.starts_with("\\begin{table}"));
  CHECK(text.find("\\caption{strong scaling of tbb (s1)}") != std::string::npos);
  CHECK(text.find("\n% speed-up: of samples") != std::string::npos);
}

TEST_CASE("what was not measured is marked, and has no time and no error") {
  const std::string text = study_tables(file_with_study());
  CHECK(text.find("64*      100          -     200000              16.00x            25.0         0.5       -") !=
        std::string::npos);
  CHECK(text.find("*: nobody has measured it") != std::string::npos);
}

TEST_CASE("a study's model is told by its numbers, of ranks with their link") {
  CHECK(study_tables(file_with_study()).find("F 1 MFLOP a sample; eta 14.3 GFLOP/s a thread; T_fixed 1 ms\n") !=
        std::string::npos);
  ResultFile ranks = file_with_study(2);
  ranks.trials[1].link_latency = 1.5e-6;
  ranks.trials[1].link_bandwidth = 9e9;
  const std::string text = study_tables(ranks);
  CHECK(text.find("strong scaling of tbb, 1 thread a rank (s1):") == 0);
  CHECK(text.find("T_reduce from a ping-pong with the last rank: 1.5 us, 9 GB/s; T_overlap 25% of the computing") !=
        std::string::npos);
}

TEST_CASE("a file without a study has no table of it") {
  ResultFile file = file_with_study();
  for (TrialRecord& trial : file.trials) trial.study = {};
  CHECK(study_tables(file).empty());
}

}  // namespace stepbench::testing
