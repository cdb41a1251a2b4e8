#include "experiments/measure/arm_forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>

#include "core/error.hpp"
#include "core/lap_clock.hpp"
#include "core/statistics.hpp"
#include "core/step_schedule.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/measure/idle_workers.hpp"
#include "experiments/measure/trial_run.hpp"
#include "experiments/terminal/interrupt.hpp"

namespace stepbench {
namespace {

constexpr int kHandOuts = 3;  // of which the least counts: a core that is taken away makes them dearer, nothing cheaper
constexpr std::size_t kMostSteps = 51;  // whose lower quartile moves no more

/// The trial on so many threads, without an end, evaluations or steps that do not count.
TrialSettings endless(const TrialSettings& trial, std::int64_t threads) {
  constexpr std::int64_t kNever = std::int64_t{1} << 40;
  TrialSettings settings = trial;
  settings.threads = threads;
  settings.scaling = {};  // one batch on any number of cores
  place_trial(settings);
  settings.training.epochs.reset();
  settings.training.steps = kNever;
  settings.training.schedule = Schedule::constant;
  settings.measure.warmup_steps = 0;
  settings.measure.evaluate_every = {kNever, Interval::Unit::steps};
  return settings;
}

/// Steps cut for so many cores, run by one.
class TracedRun {
 public:
  TracedRun(const PlannedTrial& planned, const TrialSettings& settings, std::int64_t cores)
      : cores_(cores),
        run_(start_trial(*planned.backend, settings, *planned.dataset, {}, cores)),
        has_tasks_(run_->trace_steps(&trace_)) {}

  [[nodiscard]] bool has_tasks() const { return has_tasks_; }
  [[nodiscard]] std::size_t steps() const { return step_times_.size(); }
  /// s; the sum of what its tasks usually take, as of those that are scheduled: what disturbs a step hits few of them.
  [[nodiscard]] double step_time() const {
    return has_tasks_ ? work_of(traces_.lower_quartile().tasks) + outside() : median(step_times_);
  }
  void forget() {
    step_times_.clear();
    outside_.clear();
    gathering_.clear();
    traces_ = {};
  }

  /// One full step more; of a short last batch of an epoch nothing is kept.
  void step() {
    trace_ = {};
    double seconds = kNotANumber;
    while (std::isnan(seconds) && !stop_requested()) {
      if (!run_->can_train()) throw Error("the training diverged while its steps were traced");
      seconds = run_->train(1, 0).step_time;
    }
    if (std::isnan(seconds)) return;
    if (has_tasks_) {  // the step without what it takes to tell of its tasks
      if (step_times_.empty()) require_ordered(trace_.tasks);
      gathering_.push_back(run_->gathering_time());
      seconds = gathering_.back() + trace_.wall_seconds;
      outside_.push_back(seconds - work_of(trace_.tasks));
      traces_.add(trace_);
    }
    step_times_.push_back(seconds);
  }

  [[nodiscard]] StepCut cut(const TracedRun& one_core, const HandOutCosts& costs) const {
    return {.cores = cores_,
            .trace = traces_.lower_quartile(),
            .one_core = one_core.step_time(),
            .outside = one_core.outside(),
            .gathering = lower_quartile(one_core.gathering_),
            .hand_out = costs};
  }

 private:
  [[nodiscard]] double outside() const { return std::max(0.0, lower_quartile(outside_)); }

  std::int64_t cores_;
  StepTrace trace_;  // outlives the run, which writes into it
  std::unique_ptr<LocalTrialRun> run_;
  bool has_tasks_;
  std::vector<double> step_times_, outside_, gathering_;  // s
  TraceSample traces_;
};

/// What this machine takes to hand tasks out, by the number of threads: it has no more than its own cores to ask.
class HandOuts {
 public:
  explicit HandOuts(const PlannedTrial& planned) : planned_(planned) {}

  const HandOutCosts& on(std::int64_t cores) {
    const std::int64_t threads =
        std::min({cores, planned_.backend->max_threads, static_cast<std::int64_t>(available_cores())});
    const auto [found, is_new] = costs_.try_emplace(threads);
    if (!is_new) return found->second;
    const TrialSettings settings = endless(*planned_.settings, threads);
    {
      const auto run = start_trial(*planned_.backend, settings, *planned_.dataset, {});
      run->train(1, 0);  // wakes the threads for the first time
      found->second = run->measure_hand_out();
      for (int again = 1; again < kHandOuts && !stop_requested(); ++again) {
        const HandOutCosts costs = run->measure_hand_out();
        found->second = {std::min(found->second.task, costs.task), std::min(found->second.step, costs.step)};
      }
    }
    wait_for_idle_workers();
    return found->second;
  }

 private:
  const PlannedTrial& planned_;
  std::map<std::int64_t, HandOutCosts> costs_;
};

/// In turns, until each has its steps.
void trace(std::span<TracedRun* const> runs, const ForecastEffort& effort) {
  for (TracedRun* run : runs) {
    if (!stop_requested()) run->step();  // a warm-up: memory that is touched for the first time
    run->forget();
  }
  LapClock clock;
  double spent = 0;
  const auto steps = [&runs] { return runs.front()->steps(); };
  while (!stop_requested() && steps() < kMostSteps && (steps() < effort.least_steps || spent < effort.seconds)) {
    for (TracedRun* run : runs) run->step();
    spent += clock.lap();
  }
}

}  // namespace

ArmForecast forecast_arm(const PlannedTrial& trial, std::span<const std::int64_t> cores, const ForecastEffort& effort) {
  ArmForecast forecast;
  if (trial.backend->own_process || trial.settings->ranks.count > 0) {
    forecast.why_none = "trains in processes of its own, whose tasks nobody knows";
    return forecast;
  }
  const TrialSettings settings = endless(*trial.settings, 1);
  TracedRun one_core(trial, settings, 1);
  if (!one_core.has_tasks()) {
    forecast.why_none = trial.backend->max_threads == 1
                            ? "runs on one thread"
                            : "has no tasks of its own to time: a library shares its work out, or nobody does";
    return forecast;
  }
  HandOuts hand_outs(trial);
  std::vector<double> step_times;
  LapClock clock;
  double spent = 0;
  for (const std::int64_t count : cores) {
    if (spent > effort.at_most) break;
    const HandOutCosts& costs = hand_outs.on(count);
    TracedRun many_cores(trial, settings, count);
    TracedRun* const both[] = {&one_core, &many_cores};
    trace(both, effort);
    if (stop_requested()) break;
    const StepCut cut = many_cores.cut(one_core, costs);
    step_times.push_back(cut.one_core);
    forecast.cores.push_back(forecast_scaling(cut));
    spent += clock.lap();
  }
  forecast.one_core_step = median(step_times);
  return forecast;
}

double one_core_step_time(const PlannedTrial& trial, const ForecastEffort& effort) {
  const TrialSettings settings = endless(*trial.settings, 1);
  TracedRun run(trial, settings, 1);
  TracedRun* const alone[] = {&run};
  trace(alone, effort);
  return run.step_time();
}

}  // namespace stepbench
