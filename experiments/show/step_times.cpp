#include "experiments/show/step_times.hpp"

#include <algorithm>
#include <cmath>

#include "core/statistics.hpp"

namespace stepbench {

const GroupRecord* rounds_of(const ResultFile& file, const std::string& group) {
  const auto found = std::ranges::find(file.groups, group, &GroupRecord::id);
  return found == file.groups.end() ? nullptr : &*found;
}

std::vector<double> round_times(const GroupRecord* rounds, const std::string& trial) {
  std::vector<double> times;
  if (rounds == nullptr) return times;
  const auto column = static_cast<std::size_t>(std::ranges::find(rounds->trials, trial) - rounds->trials.begin());
  if (column == rounds->trials.size()) return times;
  for (std::size_t i = column; i < rounds->step_time.size(); i += rounds->trials.size()) {
    times.push_back(rounds->step_time[i]);
  }
  return times;
}

double typical_step_time(const GroupRecord* rounds, const TrialRecord& trial) {
  const double of_rounds = geometric_mean(round_times(rounds, trial.id));
  return std::isnan(of_rounds) ? trial.summary.step_time_median : of_rounds;
}

}  // namespace stepbench
