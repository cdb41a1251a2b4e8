#include "experiments/show/step_times.hpp"

#include <cmath>

#include "core/results/lookup.hpp"
#include "core/statistics.hpp"

namespace stepbench {

std::vector<double> round_times(const GroupRecord* rounds, const std::string& trial) {
  return rounds == nullptr ? std::vector<double>() : column_of(*rounds, rounds->step_time, trial);
}

double typical_step_time(const GroupRecord* rounds, const TrialRecord& trial) {
  const double of_rounds = geometric_mean(round_times(rounds, trial.id));
  return std::isnan(of_rounds) ? trial.summary.step_time_median : of_rounds;
}

}  // namespace stepbench
