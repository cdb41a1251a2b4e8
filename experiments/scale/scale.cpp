#include "experiments/scale/scale.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <set>
#include <utility>

#include "core/error.hpp"
#include "core/text/number.hpp"
#include "core/text/text.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/measure/gate.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/terminal/interrupt.hpp"

namespace stepbench::scale {
namespace {

constexpr double kBlockSeconds = 0.3;  // of training, for each trial and round
constexpr const char* kInterrupted = "interrupted: nothing is printed before all is measured";

void fail(ArmScaling& arm, const std::string& why, Progress& progress) {
  arm.failure = why;
  progress.warn(fmt::format("{} failed: {}", arm.entry.id, why));
}

/// No number without a passed check; what one core computes is held against the reference here, what several do by the
/// group that is measured.
void forecast(ArmScaling& arm, Gate& gate, std::span<const std::int64_t> cores, Progress& progress) {
  const PlannedTrial& trial = arm.entry.one_core;
  if (!trial.unsupported.empty()) {
    arm.forecast.why_none = trial.unsupported;
    return;
  }
  try {
    progress.status(fmt::format("checking {}", arm.entry.id));
    const GateResult passage = gate.check(*trial.backend, *trial.settings, *trial.dataset);
    if (!passage.passed) {
      arm.gate_failed = true;
      fail(arm, "gate: " + passage.message, progress);
      return;
    }
    progress.status(fmt::format("tracing {}", arm.entry.id));
    arm.forecast = forecast_arm(trial, cores);
    if (arm.forecast.cores.empty()) arm.forecast.one_core_step = one_core_step_time(trial);
  } catch (const std::exception& error) {
    fail(arm, reason_of(error), progress);
  }
}

/// The trial with as many steps as fill its blocks, and with nothing that only a run's file needs.
PlannedTrial for_blocks(PlannedTrial planned, double step_time) {
  TrialSettings settings = *planned.settings;
  MeasureSettings& measure = settings.measure;
  const std::int64_t least = measure.warmup_steps + 3, most = least + 1000;
  const auto in_block = static_cast<std::int64_t>(
      std::clamp(kBlockSeconds / step_time, static_cast<double>(least), static_cast<double>(most)));
  settings.training.epochs.reset();
  if (measure.rounds == kAutomaticRounds) measure.rounds = MeasureSettings{}.rounds;  // which are not planned here
  settings.training.steps = measure.rounds * in_block;
  measure.interleave = true;
  measure.scaling = false;
  measure.evaluate_every = {*settings.training.steps, Interval::Unit::steps};
  settings.record = {};
  planned.settings = std::make_shared<const TrialSettings>(std::move(settings));
  return planned;
}

/// The arm on one thread, which is the baseline, and on as many as there are cores of; nothing where that is all.
PlannedGroup group_of(const ArmScaling& arm, std::span<const std::int64_t> cores) {
  PlannedGroup group{.id = arm.entry.id, .trials = {}};
  if (!arm.failure.empty() || !arm.entry.one_core.unsupported.empty()) return group;
  group.trials.push_back(for_blocks(arm.entry.one_core, arm.forecast.one_core_step));
  for (const std::int64_t count : cores) {
    if (count == 1 || count > available_cores()) continue;
    PlannedTrial trial = on_threads(arm.entry, count);
    if (trial.unsupported.empty()) group.trials.push_back(for_blocks(std::move(trial), arm.forecast.one_core_step));
  }
  if (group.trials.size() == 1) group.trials.clear();
  return group;
}

void measure(ArmScaling& arm, const PlannedGroup& group, const Backend& reference, PeakHistory& peaks,
             Progress& progress) {
  const GroupResult result = run_group(group, reference, peaks, progress);
  if (result.stopped) throw Interrupted(kInterrupted);
  for (const TrialRecord& record : result.trials) {
    if (record.status == Status::failed) {
      arm.failure = record.message;  // run_group has said so
      arm.gate_failed = arm.gate_failed || record.cause == FailureCause::gate;
    }
    if (record.is_baseline || std::isnan(record.summary.speed_ratio)) continue;
    const TrialSummary& summary = record.summary;
    arm.measured.push_back({record.threads,
                            {summary.speed_ratio, summary.speed_ratio_low, summary.speed_ratio_high,
                             static_cast<std::size_t>(result.rounds.rounds())},
                            summary.noise_floor});
  }
}

}  // namespace

std::vector<std::int64_t> parse_cores(const std::string& text) {
  std::set<std::int64_t> cores;
  for (const std::string_view element : split(text, ',')) {
    const std::optional<std::int64_t> count = parse_number<std::int64_t>(element);
    if (!count || *count < 1 || *count > kMostCores) {
      throw InputError(fmt::format("scale: --cores: found \"{}\", allowed: integers from 1 to {}, as in 2,4,8",
                                   printable(element), kMostCores));
    }
    cores.insert(*count);
  }
  return {cores.begin(), cores.end()};
}

std::vector<ArmScaling> scale_arms(const Selection& selection, std::span<const std::int64_t> cores,
                                   Verbosity verbosity) {
  const StopOnSignal signals;
  const Backend& reference = *find_backend(backends(), kReferenceBackend);
  std::vector<ArmScaling> arms;
  {
    Progress progress(stderr, verbosity, static_cast<double>(selection.entries.size()));
    std::unique_ptr<Gate> gate;
    for (const Entry& entry : selection.entries) {
      if (arms.empty() || arms.back().entry.group != entry.group) gate = std::make_unique<Gate>(reference);
      forecast(arms.emplace_back(ArmScaling{.entry = entry, .forecast = {}, .measured = {}, .failure = {}}), *gate,
               cores, progress);
      if (stop_requested()) throw Interrupted(kInterrupted);
      progress.advance(1);
    }
  }
  std::vector<PlannedGroup> groups;
  double work = 0;
  for (const ArmScaling& arm : arms) work += group_work(groups.emplace_back(group_of(arm, cores)));
  Progress progress(stderr, verbosity, work);
  PeakHistory peaks;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    if (!groups[i].trials.empty()) measure(arms[i], groups[i], reference, peaks, progress);
  }
  return arms;
}

}  // namespace stepbench::scale
