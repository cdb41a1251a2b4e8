// The shipped expectations held against the reviewed reference runs, which are older than some of them.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/results/result_file.hpp"
#include "experiments/expect/judge_results.hpp"
#include "experiments/plan/plan.hpp"

namespace stepbench::testing {

TEST_CASE("every shipped expectation is reproduced in a reference run") {
  const std::filesystem::path root = STEPBENCH_SOURCE_DIR;
  int judged = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root / "experiments")) {
    if (entry.path().extension() != ".cfg") continue;
    const Experiment experiment = load_experiment(entry.path(), {}, key_table());
    if (experiment.expectations.empty()) continue;
    const std::filesystem::path reference = root / "results" / "reference" / (experiment.settings.name + ".h5");
    CAPTURE(reference);
    REQUIRE(std::filesystem::exists(reference));
    const ResultFile file = read_result_file(reference);
    for (const ExpectationRecord& record : judge_expectations(experiment.expectations, file)) {
      CAPTURE(reference, record.name, record.value, record.low, record.high, record.cell, record.why);
      CHECK(to_text(record.verdict) == to_text(ExpectationVerdict::reproduced));
      ++judged;
    }
  }
  CHECK(judged >= 5);
}

namespace {

/// What an experiment would have found if the one had been in the other's place.
struct Exchange {
  std::string experiment, key, one, other;
  std::vector<std::string> refused;  // expectations that are then not reproduced; what both have alike stays so
};

const std::vector<Exchange> kExchanges = {
    {"update-order", "training.update_order", "layerwise", "simultaneous", {"parts", "collapses", "goes_on"}},
    {"accumulation", "training.divisor", "counted", "naive", {"naive_learns_less"}},
    {"sixteen-bit", "training.rounding", "nearest", "stochastic", {"nearest_loses", "like_float32"}},
    {"sixteen-bit", "training.compensated", "true", "false", {"compensated_like_float32"}},
    {"grokking-rounding",
     "model.loss",
     "cross_entropy",
     "stablemax_cross_entropy",
     {"stablemax_goes_on", "softmax_stops"}},
    {"grokking-rounding", "model.softmax", "float32", "float64", {"float32_stops_first"}},
    {"hogwild", "backend", "hogwild", "tbb", {"no_waiting"}},
    {"fastest-batch", "training.batch_size", "8", "16", {"halves"}},
};

std::map<std::string, ExpectationVerdict> verdicts_of(const std::string& name,
                                                      const std::function<void(ResultFile&)>& plant) {
  const std::filesystem::path root = STEPBENCH_SOURCE_DIR;
  const Experiment experiment = load_experiment(root / "experiments" / (name + ".cfg"), {}, key_table());
  ResultFile file = read_result_file(root / "results" / "reference" / (name + ".h5"));
  plant(file);
  std::map<std::string, ExpectationVerdict> verdicts;
  for (const ExpectationRecord& record : judge_expectations(experiment.expectations, file)) {
    verdicts[record.name] = record.verdict;
  }
  return verdicts;
}

}  // namespace

TEST_CASE("what is planted in the place of another in a reference run is not reproduced") {
  for (const Exchange& exchange : kExchanges) {
    CAPTURE(exchange.experiment, exchange.key);
    const auto verdicts = verdicts_of(exchange.experiment, [&exchange](ResultFile& file) {
      const auto exchanged = [&exchange](const std::string& text) {
        return text == exchange.one ? exchange.other : text == exchange.other ? exchange.one : text;
      };
      for (TrialRecord& trial : file.trials) {
        if (exchange.key == "backend") trial.backend = exchanged(trial.backend);
        for (auto& [key, value] : trial.settings) {
          if (key == exchange.key) value = exchanged(to_text(value));
        }
      }
    });
    for (const std::string& name : exchange.refused) {
      CAPTURE(name);
      REQUIRE(verdicts.contains(name));
      CHECK(to_text(verdicts.at(name)) == to_text(ExpectationVerdict::not_reproduced));
    }
  }
}

TEST_CASE("a perturbation that changes nothing does not reproduce how far one bit carries") {
  const auto verdicts = verdicts_of("one-bit", [](ResultFile& file) {
    std::map<std::string, EpochSeries> first;  // of each seed, backend and so on
    std::map<std::string, TrialSummary> summary;
    for (TrialRecord& trial : file.trials) {
      const std::string arm = fmt::format("{}-t{}-s{}", trial.backend, trial.threads, trial.seed);
      trial.epochs = first.try_emplace(arm, trial.epochs).first->second;
      trial.summary = summary.try_emplace(arm, trial.summary).first->second;
    }
  });
  for (const char* name : {"bit", "order"}) {
    CAPTURE(name);
    CHECK(to_text(verdicts.at(name)) == to_text(ExpectationVerdict::not_reproduced));
  }
}

TEST_CASE("moments that take every micro-batch for one of the smallest do not reproduce a noise scale") {
  const auto verdicts = verdicts_of("noise-scale", [](ResultFile& file) {
    for (TrialRecord& trial : file.trials) {
      // (square of the small - square of the big) over 1 / small - 1 / big, with 1 for small.
      const auto size = static_cast<double>(count_of(trial.settings, "training.micro_batch").value());
      const double share = (1 / size - 1.0 / 128) / (1 - 1.0 / 128);
      for (double& variance : trial.epochs.gradient_variance) variance *= share;
      trial.summary.gradient_noise_scale *= share;
    }
  });
  for (const char* name : {"any_two_sizes", "tells_critical_batch"}) {
    CAPTURE(name);
    CHECK(to_text(verdicts.at(name)) == to_text(ExpectationVerdict::not_reproduced));
  }
}

}  // namespace stepbench::testing
