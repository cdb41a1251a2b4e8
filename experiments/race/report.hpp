// What a race found, and how it is told. Pure: no process, no clock.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/statistics.hpp"
#include "experiments/compare/slowdown_limit.hpp"

namespace stepbench {

/// What one worker learned.
struct Trajectory {
  std::vector<double> losses;  // of each step
  std::string digest;          // of the final parameters
};

/// "yes", or how the two differ: `no: losses part at step 7 (0.5 and 0.25)`, steps from 0.
[[nodiscard]] std::string same_bits(const Trajectory& first, const Trajectory& second);

/// A trial in both builds. The times are s, one per round, NaN where no step counted.
struct TrialRace {
  std::string id;
  std::string failure;  // why it was not timed; then the rest is empty
  std::vector<double> old_times, new_times, twin_times;
  std::string same_bits;

  [[nodiscard]] RatioEstimate speed() const { return paired_ratio(old_times, new_times); }  // above 1: NEW is faster
  [[nodiscard]] double noise() const { return noise_floor(old_times, twin_times); }
};

/// A row per trial, then what was not timed and how to read the table. Speeds are the same within `margin`.
[[nodiscard]] std::string race_table(std::span<const TrialRace> races, double margin);

/// The program's exit code: a failed gate, then with a `limit` (parse_fail_if's) any that broke it, then any that
/// cannot be told, else ok. Without a limit no difference in speed is a failure.
[[nodiscard]] int race_exit_code(std::span<const TrialRace> races, std::optional<double> limit);

}  // namespace stepbench
