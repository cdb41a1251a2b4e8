#include "experiments/measure/add_forecasts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/arm.hpp"
#include "core/error.hpp"
#include "experiments/measure/arm_forecast.hpp"
#include "experiments/terminal/interrupt.hpp"

namespace stepbench {
namespace {

/// Whether the trial's scaling is wanted: as the config says, else where its arm is measured on several threads.
bool wants_scaling(const PlannedGroup& group, const PlannedTrial& planned) {
  if (planned.backend->own_process || planned.settings->ranks.count > 0) return false;  // nobody knows its tasks
  if (planned.settings->scaling.kind == ScalingKind::weak) return false;  // on other cores its batch is another
  if (const std::optional<bool>& wanted = planned.settings->measure.scaling) return *wanted;
  return std::ranges::any_of(group.trials, [&planned](const PlannedTrial& other) {
    return other.unsupported.empty() && other.settings->threads != planned.settings->threads &&
           same_but_threads(arm_of(*other.settings), arm_of(*planned.settings));
  });
}

/// Little beside what the trial itself took: sweeps of many small trials stay quick. Of large steps a few have to do.
ForecastEffort effort_for(const TrialRecord& record) {
  constexpr double kShare = 0.1, kSecond = 1;
  const double trained = record.epochs.train_time.empty() ? 0 : record.epochs.train_time.back();
  const double seconds = std::min(kShare * trained, kSecond);
  return {.seconds = seconds / static_cast<double>(kUsualCores.size()),
          .least_steps = 3,
          .at_most = std::max(kShare * trained, kSecond)};
}

ScalingRecord scaling_of(const ArmForecast& forecast) {
  ScalingRecord scaling;
  for (const ScalingForecast& at : forecast.cores) {
    scaling.cores.push_back(at.cores);
    scaling.predicted_speedup.push_back(at.speedup);
    scaling.work = at.work;
    scaling.span = at.span;
  }
  return scaling;
}

}  // namespace

void add_forecasts(const PlannedGroup& group, std::vector<TrialRecord>& records, Progress& progress) {
  std::map<std::pair<std::string, std::string>, ScalingRecord> known;  // by backend and settings
  for (std::size_t i = 0; i < records.size(); ++i) {
    TrialRecord& record = records[i];
    const PlannedTrial& planned = group.trials[i];
    if (record.status != Status::completed || !wants_scaling(group, planned)) continue;
    const Arm arm = arm_of(*planned.settings);
    const auto [found, is_new] = known.try_emplace({arm.backend, arm.settings});
    if (is_new) {
      progress.status(fmt::format("forecasting {}{} on more cores", arm.backend, arm.settings));
      try {
        const ArmForecast forecast = forecast_arm(planned, kUsualCores, effort_for(record));
        if (stop_requested()) return;
        found->second = scaling_of(forecast);
      } catch (const std::exception& error) {
        progress.warn(fmt::format("{}: no forecast for more cores: {}", record.id, reason_of(error)));
      }
    }
    record.scaling = found->second;
  }
}

}  // namespace stepbench
