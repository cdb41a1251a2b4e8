// How an arm's step would scale, told from one core: its steps are traced as they are cut for one core and for many,
// in turns, so that what else the machine does hits both alike. What is made of the traces is core/scaling_forecast's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "core/results/trial_record.hpp"
#include "core/scaling_forecast.hpp"
#include "experiments/plan/plan.hpp"

namespace stepbench {

inline constexpr std::array<std::int64_t, 7> kUsualCores = {2, 4, 8, 16, 32, 64, 128};

/// How much time to give to it.
struct ForecastEffort {
  double seconds = 0.8;         // of tracing for each number of cores, as far as steps are short enough
  std::size_t least_steps = 5;  // that are traced in any case
  double at_most = std::numeric_limits<double>::infinity();  // s: spent, no further number of cores is looked at
};

struct ArmForecast {
  double one_core_step = kNotANumber;  // s, of the step cut for one core
  std::vector<ScalingForecast> cores;
  std::string why_none;  // where there is no forecast
};

/// Of the trial's arm on one thread, for each number of cores. Where stop_requested(), what there is so far. Throws
/// what the making and training of a network throws, and Error where the training diverges.
[[nodiscard]] ArmForecast forecast_arm(const PlannedTrial& trial, std::span<const std::int64_t> cores,
                                       const ForecastEffort& effort = {});

/// Seconds of the step of the trial's arm on one thread, the median of a few; NaN where stop_requested() at once.
[[nodiscard]] double one_core_step_time(const PlannedTrial& trial, const ForecastEffort& effort = {});

}  // namespace stepbench
