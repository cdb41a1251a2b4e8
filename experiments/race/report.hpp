// What a race found, and how it is told. Pure: no process, no clock.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/statistics.hpp"
#include "experiments/compare/slowdown_limit.hpp"

namespace stepbench::race {

/// What one worker learned.
struct Trajectory {
  std::vector<double> losses;  // of each step
  std::string digest;          // of the final parameters
};

/// How the bits of two trainings differ; the steps count from 0.
struct BitsDifference {
  enum class Kind {
    losses,      // part at `step`: `first` and `second`
    length,      // one has `first` steps, the other `second`
    parameters,  // losses are the same
    own_twin     // OLD differs from OLD: there is nothing to hold NEW against
  };
  Kind kind;
  std::size_t step = 0;
  double first = 0, second = 0;
};
[[nodiscard]] std::string to_text(const BitsDifference& difference);  // `losses part at step 7 (0.5 and 0.25)`

/// Nothing for the same bits.
[[nodiscard]] std::optional<BitsDifference> bits_difference(const Trajectory& first, const Trajectory& second);

/// A trial in both builds. The times are s, one per round, NaN where no step counted.
struct TrialRace {
  std::string id;
  std::string failure;  // why it was not timed; then the rest is empty
  std::vector<double> old_times, new_times, twin_times;
  std::optional<BitsDifference> difference;  // of NEW's bits; the first that a race found

  [[nodiscard]] RatioEstimate speed() const { return paired_ratio(old_times, new_times); }  // above 1: NEW is faster
  [[nodiscard]] double noise() const { return noise_floor(old_times, twin_times); }
};

/// A row per trial, then what was not timed and how to read the table. Speeds are the same within `margin`.
[[nodiscard]] std::string table(std::span<const TrialRace> races, double margin);

/// The program's exit code: a failed gate, then with a `limit` (parse_fail_if's) any that broke it, then any that
/// cannot be told, else ok. Without a limit no difference in speed is a failure.
[[nodiscard]] int exit_code(std::span<const TrialRace> races, std::optional<double> limit);

}  // namespace stepbench::race
