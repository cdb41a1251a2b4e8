#include "experiments/expect/trial_quantity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include "core/results/step_times.hpp"

namespace stepbench {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Steps trained at each evaluation; empty where the file does not tell.
std::vector<std::int64_t> steps_of_evaluations(const TrialRecord& trial) {
  const EpochSeries& epochs = trial.epochs;
  if (!epochs.step.empty() || epochs.epoch.empty()) return epochs.step;
  // Older files: the last evaluation is behind the last step.
  const auto recorded = static_cast<std::int64_t>(trial.steps.train_loss.size());
  const std::int64_t all = recorded > 0 ? recorded : count_of(trial.settings, "training.steps").value_or(0);
  std::vector<std::int64_t> steps;
  if (all == 0 || trial.status != Status::completed) return steps;
  for (const double epoch : epochs.epoch) {
    steps.push_back(std::llround(epoch / epochs.epoch.back() * static_cast<double>(all)));
  }
  return steps;
}

double at_step(const TrialRecord& trial, std::int64_t step, const std::vector<double>& series) {
  const std::vector<std::int64_t> steps = steps_of_evaluations(trial);
  const auto found = std::ranges::find(steps, step);
  return found == steps.end() ? kNotANumber : series[static_cast<std::size_t>(found - steps.begin())];
}

double last(const std::vector<double>& series) { return series.empty() ? kNotANumber : series.back(); }

double smallest(const std::vector<double>& series) {
  double least = kNotANumber;
  for (const double value : series) {
    if (!(value >= least)) least = std::isnan(value) ? least : value;
  }
  return least;
}

double largest_gradient_error(const TrialRecord& trial) {
  if (trial.checks.empty()) return kNotANumber;
  double worst = 0;
  for (const TensorCheck& check : trial.checks) {
    if (!(check.gradient_error <= worst)) worst = check.gradient_error;
  }
  return worst;
}

double steps_to_target(const TrialRecord& trial) {
  const std::vector<std::int64_t> steps = steps_of_evaluations(trial);
  const auto& times = trial.epochs.train_time;
  const auto reached = std::ranges::find(times, trial.summary.time_to_target);
  const auto place = static_cast<std::size_t>(reached - times.begin());
  return place < steps.size() ? static_cast<double>(steps[place]) : kNotANumber;
}

/// As it was recorded; NaN where it was not.
double recorded(const TrialRecord& trial, const GroupRecord* rounds, const Quantity& quantity) {
  const std::string_view metric = quantity.metric;
  const EpochSeries& epochs = trial.epochs;
  const TrialSummary& summary = trial.summary;
  if (metric == "gradient_noise_scale") return gradient_noise_scale(epochs, quantity.step);
  if (quantity.step) {
    return at_step(trial, *quantity.step,
                   metric == "train_loss"        ? epochs.train_loss
                   : metric == "validation_loss" ? epochs.validation_loss
                                                 : epochs.validation_accuracy);
  }
  return metric == "final_train_loss"            ? summary.final_train_loss
         : metric == "best_train_loss"           ? smallest(epochs.train_loss)
         : metric == "final_validation_loss"     ? last(epochs.validation_loss)
         : metric == "best_validation_loss"      ? summary.best_validation_loss
         : metric == "final_validation_accuracy" ? last(epochs.validation_accuracy)
         : metric == "best_validation_accuracy"  ? summary.best_validation_accuracy
         : metric == "gradient_error"            ? largest_gradient_error(trial)
         : metric == "steps_to_target"           ? steps_to_target(trial)
         : metric == "time_to_target"            ? summary.time_to_target
                                                 : summary.samples_per_second * median_over_typical(rounds, trial);
}

}  // namespace

bool missed_target(const TrialRecord& trial) {
  return find_value(trial.settings, "training.target") != nullptr && std::isnan(trial.summary.time_to_target);
}

double quantity_of(const TrialRecord& trial, const GroupRecord* rounds, const Quantity& quantity) {
  if (trial.status != Status::completed && trial.status != Status::diverged) return kNotANumber;
  const std::string_view metric = quantity.metric;
  if (quantity.is_of_target()) return missed_target(trial) ? kInfinity : recorded(trial, rounds, quantity);
  const double value = recorded(trial, rounds, quantity);
  if (trial.status != Status::diverged) return value;
  const bool ends_before = !quantity.step || trial.diverged_at_step < *quantity.step;
  const bool keeps = metric.starts_with("best_") || !ends_before;
  if (keeps && std::isfinite(value)) return value;
  return metric.ends_with("_loss") ? kInfinity : metric.ends_with("_accuracy") ? 0 : value;
}

}  // namespace stepbench
