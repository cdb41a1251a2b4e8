// What a config asks for, held against the backends there are and the data as loaded. Everything that can be wrong
// between the three is found here, before anything is timed or written.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/config/experiment.hpp"
#include "core/config/keys.hpp"
#include "core/data/dataset.hpp"
#include "variants/registry.hpp"

namespace stepbench {

struct PlannedTrial {
  std::shared_ptr<const TrialSettings> settings;  // the experiment's, completed with what data and start files tell
  const Backend* backend = nullptr;
  std::string unsupported;  // why the backend cannot run it; empty when it can
  std::shared_ptr<const Dataset> dataset;
};

/// Trials that differ only in backend and threads: they are measured against each other.
struct PlannedGroup {
  std::string id;
  std::vector<PlannedTrial> trials;
  std::size_t baseline = 0;  // index of a supported trial; 0 when there is none
  std::size_t comparisons =
      1;  // that the whole experiment makes, seeds pooled: among them the false discovery rate is held
  std::int64_t seeds =
      1;  // of the experiment's groups that differ from this one in the seed alone, this one's included
};

/// A group's id, `s1-batch_size32`, without its seed: what groups that differ in the seed alone share.
[[nodiscard]] std::string condition_of(const PlannedGroup& group);
/// Whether two of its trials can run, one of which is then compared with the other.
[[nodiscard]] bool compares(const PlannedGroup& group);

/// Groups in the order of their first trial. Throws InputError, in the form of the config's own errors: an unknown
/// backend or baseline, a sweep that no backend supports, data that cannot be loaded or does not fit the model.
[[nodiscard]] std::vector<PlannedGroup> plan_experiment(const Experiment& experiment,
                                                        std::span<const Backend> backends);

/// Gives the trial's threads their CPUs, as measure.pin wants them on this machine: for who makes other threads of a
/// planned trial.
void place_trial(TrialSettings& trial);

/// What to know of the groups' data before their numbers are believed (Dataset::warnings), each line once.
[[nodiscard]] std::vector<std::string> data_warnings(std::span<const PlannedGroup> groups);

/// These, and what of a plan works otherwise than it reads: more threads than cores, a batch of more than the data.
[[nodiscard]] std::vector<std::string> plan_warnings(std::span<const PlannedGroup> groups);

/// The keys that a config of this program can set, as load_experiment wants them.
[[nodiscard]] const KeyTable& key_table();

}  // namespace stepbench
