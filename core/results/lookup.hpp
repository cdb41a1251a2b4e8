// Finding one thing in a result file by its id.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench {

/// nullptr when there is none.
[[nodiscard]] inline const TrialRecord* find_trial(const ResultFile& file, std::string_view id) {
  const auto found = std::ranges::find(file.trials, id, &TrialRecord::id);
  return found == file.trials.end() ? nullptr : &*found;
}
[[nodiscard]] inline const GroupRecord* find_group(const ResultFile& file, std::string_view id) {
  const auto found = std::ranges::find(file.groups, id, &GroupRecord::id);
  return found == file.groups.end() ? nullptr : &*found;
}

/// A trial's column of an (R, M) array of the group; empty for a trial that has none.
template <typename T>
[[nodiscard]] std::vector<T> column_of(const GroupRecord& group, const std::vector<T>& values, std::string_view trial) {
  std::vector<T> column;
  const auto found = std::ranges::find(group.trials, trial);
  if (found == group.trials.end()) return column;
  for (auto i = static_cast<std::size_t>(found - group.trials.begin()); i < values.size(); i += group.trials.size()) {
    column.push_back(values[i]);
  }
  return column;
}

/// Samples of a trial's step, by which speeds are compared; 1 where the file does not say.
[[nodiscard]] inline double samples_of_step(const TrialRecord& trial) {
  return static_cast<double>(std::max<std::int64_t>(1, trial.batch_size));
}

/// Step times of a trial of the group, s, as times of a sample, by which trials of other batches are compared.
[[nodiscard]] inline std::vector<double> time_per_sample(std::vector<double> step_times, const TrialRecord& trial) {
  for (double& time : step_times) time /= samples_of_step(trial);
  return step_times;
}

/// Whether the two, of one group, are trained on the same batches: all are, but those of a study of weak scaling.
[[nodiscard]] inline bool same_batches(const TrialRecord& first, const TrialRecord& second) {
  return first.batch_size == second.batch_size || text_of(first.settings, "scaling.kind") != "weak";
}

}  // namespace stepbench
