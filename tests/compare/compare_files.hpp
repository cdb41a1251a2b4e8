// Result files made up for the tests of `compare`: step times and losses are planted.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench::testing {

inline TrialRecord compared_trial(const std::string& backend, std::uint64_t seed, double loss) {
  TrialRecord trial;
  trial.backend = backend;
  trial.seed = seed;
  trial.group = "s" + std::to_string(seed);
  trial.id = backend + "-t1-" + trial.group;
  trial.is_baseline = backend == "blas";
  trial.dataset_digest = "d1";
  trial.settings = {{"model.kind", std::string("mlp")},
                    {"training.learning_rate", 0.1},
                    {"training.target", std::string("validation_accuracy>=0.9")}};
  for (int step = 0; step < 20; ++step) trial.steps.train_loss.push_back(loss + 1.0 / (1 + step));
  const std::size_t steps = trial.steps.train_loss.size();
  trial.steps.wall_time.assign(steps, 1e-3);
  trial.steps.phase_time.resize(steps);
  trial.steps.round.resize(steps);
  trial.summary.final_train_loss = loss;
  trial.summary.best_validation_loss = 2 * loss;
  trial.summary.best_validation_accuracy = 0.9;
  trial.summary.time_to_target = 1.5;
  return trial;
}

/// Blas as the baseline with its twin, and tbb at `speed` times its speed; round noise of about 1 %; twins about equal.
/// Seeds 1 .. `seeds`, whose losses are 0.5 + 0.05 seed for both.
inline ResultFile compared_file(double speed, std::uint64_t seeds = 1, std::size_t rounds = 12) {
  ResultFile file;
  file.experiment = "made-up";
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const double loss = 0.5 + 0.05 * static_cast<double>(seed);
    file.trials.push_back(compared_trial("blas", seed, loss));
    file.trials.push_back(compared_trial("tbb", seed, loss));
    const std::string baseline = file.trials[file.trials.size() - 2].id;
    GroupRecord group{.id = "s" + std::to_string(seed), .trials = {baseline, twin_id(baseline), file.trials.back().id}};
    for (std::size_t r = 0; r < rounds; ++r) {
      const double wobble = 0.01 * std::sin(static_cast<double>(3 * r + seed)),
                   drift = 1 + 0.1 * static_cast<double>(r);
      group.step_time.insert(group.step_time.end(),
                             {1e-3 * drift, 1e-3 * drift * (1 + 0.3 * wobble), 1e-3 * drift * (1 + wobble) / speed});
      group.peak_gflops.push_back(100);
    }
    file.groups.push_back(std::move(group));
  }
  return file;
}

}  // namespace stepbench::testing
