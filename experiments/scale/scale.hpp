// What `stepbench scale` finds of each arm: the forecast from its tasks on one core, and beside it what this machine's
// cores were measured to give. Not here: how it is printed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/statistics.hpp"
#include "experiments/measure/arm_forecast.hpp"
#include "experiments/scale/arms.hpp"
#include "experiments/terminal/progress.hpp"

namespace stepbench::scale {

inline constexpr std::int64_t kMostCores = kAnyThreads;

/// The arm on so many threads against itself on one, in blocks that took turns.
struct Measurement {
  std::int64_t cores = 1;
  RatioEstimate speedup;
  double noise_floor = 0;  // NaN: there is none
};

struct ArmScaling {
  Entry entry;
  ArmForecast forecast;
  std::vector<Measurement> measured;  // on those of the cores asked for that this machine has
  std::string failure;                // why there is no more of it
  bool gate_failed = false;
};

/// `2,4,8`, as integers from 1 to kMostCores, sorted, each once. Throws InputError.
[[nodiscard]] std::vector<std::int64_t> parse_cores(const std::string& text);

/// Whatever one arm throws is its failure, and the others go on. Throws Interrupted.
[[nodiscard]] std::vector<ArmScaling> scale_arms(const Selection& selection, std::span<const std::int64_t> cores,
                                                 Verbosity verbosity);

}  // namespace stepbench::scale
