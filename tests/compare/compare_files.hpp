// Result files made up for the tests of `compare`: step times and losses are planted.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "core/results/merge.hpp"
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

/// Blas as the baseline with its twin, and tbb at `speed` times its speed; round noise of about `noise`; twins about
/// equal. Seeds 1 .. `seeds`, whose losses are 0.5 + 0.05 seed for both.
inline ResultFile compared_file(double speed, std::uint64_t seeds = 1, std::size_t rounds = 12, double noise = 0.01) {
  ResultFile file;
  file.experiment = "made-up";
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const double loss = 0.5 + 0.05 * static_cast<double>(seed);
    file.trials.push_back(compared_trial("blas", seed, loss));
    file.trials.push_back(compared_trial("tbb", seed, loss));
    const std::string baseline = file.trials[file.trials.size() - 2].id;
    GroupRecord group{.id = "s" + std::to_string(seed), .trials = {baseline, twin_id(baseline), file.trials.back().id}};
    for (std::size_t r = 0; r < rounds; ++r) {
      const double wobble = noise * std::sin(static_cast<double>(3 * r + seed)),
                   drift = 1 + 0.1 * static_cast<double>(r);
      group.step_time.insert(group.step_time.end(),
                             {1e-3 * drift, 1e-3 * drift * (1 + 0.3 * wobble), 1e-3 * drift * (1 + wobble) / speed});
      group.peak_gflops.push_back(100);
    }
    file.groups.push_back(std::move(group));
  }
  return file;
}

/// Calls change(trial) for every trial of a backend.
template <typename Change>
ResultFile with(ResultFile file, const std::string& backend, Change change) {
  for (TrialRecord& trial : file.trials) {
    if (trial.backend == backend) change(trial);
  }
  return file;
}

/// Adds `shift(seed)` to what tbb reached and to its curve.
template <typename Shift>
ResultFile with_learning(std::uint64_t seeds, Shift shift) {
  return with(compared_file(1, seeds), "tbb", [&shift](TrialRecord& trial) {
    const double by = shift(static_cast<double>(trial.seed));
    trial.summary.final_train_loss += by;
    trial.summary.best_validation_loss += by;
    for (double& loss : trial.steps.train_loss) loss += by;
  });
}

/// The twin of every group's baseline, slower by `share` in every round: a noise floor of that much.
inline ResultFile with_twin_off_by(ResultFile file, double share) {
  for (GroupRecord& group : file.groups) {
    for (std::size_t i = 1; i < group.step_time.size(); i += group.trials.size()) group.step_time[i] *= 1 + share;
  }
  return file;
}

/// tbb took no turns with the others, as a peer, which was added from outside.
inline ResultFile with_peer(ResultFile file) {
  for (GroupRecord& group : file.groups) {
    group = columns_of(group, std::vector<std::string>{group.trials[0], group.trials[1]});
  }
  return with(std::move(file), "tbb", [](TrialRecord& trial) { trial.summary.step_time_median = 2e-3; });
}

}  // namespace stepbench::testing
