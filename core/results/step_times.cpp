#include "core/results/step_times.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/results/lookup.hpp"
#include "core/statistics.hpp"

namespace stepbench {

std::vector<double> round_times(const GroupRecord* rounds, const std::string& trial) {
  return rounds == nullptr ? std::vector<double>() : column_of(*rounds, rounds->step_time, trial);
}

std::vector<std::int64_t> round_processes(const GroupRecord* rounds) {
  return rounds == nullptr ? std::vector<std::int64_t>() : rounds->process;
}

double noise_floor_of(const std::set<const GroupRecord*>& groups) {
  std::vector<double> originals, twins;
  std::vector<std::int64_t> processes;
  for (const GroupRecord* group : groups) {
    if (group == nullptr) continue;
    for (const std::string& original : group->trials) {
      const std::vector<double> twin = round_times(group, twin_id(original));
      if (twin.empty()) continue;
      std::ranges::copy(round_times(group, original), std::back_inserter(originals));
      std::ranges::copy(twin, std::back_inserter(twins));
      std::ranges::copy(round_processes(group), std::back_inserter(processes));
    }
  }
  return noise_floor(originals, twins, processes);
}

double typical_step_time(const GroupRecord* rounds, const TrialRecord& trial) {
  const double of_rounds = geometric_mean(round_times(rounds, trial.id));
  return std::isnan(of_rounds) ? trial.summary.step_time_median : of_rounds;
}

double median_over_typical(const GroupRecord* rounds, const TrialRecord& trial) {
  const double of_rounds = geometric_mean(round_times(rounds, trial.id));
  return std::isnan(of_rounds) ? 1 : trial.summary.step_time_median / of_rounds;
}

}  // namespace stepbench
