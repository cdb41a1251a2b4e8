// The shipped expectations held against the reviewed reference runs, which are older than some of them.
#include <catch2/catch.hpp>
#include <filesystem>

#include "core/results/result_file.hpp"
#include "experiments/expect/judge_results.hpp"
#include "experiments/plan/plan.hpp"

namespace stepbench::testing {

TEST_CASE("every shipped expectation that has a reference run is reproduced there") {
  const std::filesystem::path root = STEPBENCH_SOURCE_DIR;
  int judged = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root / "experiments")) {
    if (entry.path().extension() != ".cfg") continue;
    const Experiment experiment = load_experiment(entry.path(), {}, key_table());
    const std::filesystem::path reference = root / "results" / "reference" / (experiment.settings.name + ".h5");
    if (experiment.expectations.empty() || !std::filesystem::exists(reference)) continue;
    const ResultFile file = read_result_file(reference);
    for (const ExpectationRecord& record : judge_expectations(experiment.expectations, file)) {
      CAPTURE(reference, record.name, record.value, record.low, record.high, record.cell, record.why);
      CHECK(to_text(record.verdict) == to_text(ExpectationVerdict::reproduced));
      ++judged;
    }
  }
  CHECK(judged >= 5);
}

TEST_CASE("the update orders exchanged in the reference run are not reproduced") {
  const std::filesystem::path root = STEPBENCH_SOURCE_DIR;
  const Experiment experiment = load_experiment(root / "experiments" / "update-order.cfg", {}, key_table());
  ResultFile file = read_result_file(root / "results" / "reference" / "update-order.h5");
  for (TrialRecord& trial : file.trials) {
    for (auto& [key, value] : trial.settings) {
      if (key != "training.update_order") continue;
      value = std::string(to_text(value) == "layerwise" ? "simultaneous" : "layerwise");
    }
  }
  int refused = 0;
  for (const ExpectationRecord& record : judge_expectations(experiment.expectations, file)) {
    if (record.verdict == ExpectationVerdict::not_reproduced) ++refused;
  }
  CHECK(refused >= 3);  // what both orders have alike stays so
}

}  // namespace stepbench::testing
