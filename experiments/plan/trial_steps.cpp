#include "experiments/plan/trial_steps.hpp"

#include <algorithm>

#include "core/data/gather.hpp"
#include "core/models/parameters.hpp"
#include "core/models/step_work.hpp"
#include "core/random.hpp"

namespace stepbench {

std::int64_t samples_per_step(const TrialSettings& trial, const Dataset& dataset) {
  return trial.copies() * std::min(trial.batch_size(), dataset.train.samples);
}

double flops_per_step(const TrialSettings& trial, const Dataset& dataset) {
  return flops_per_step(trial.model, samples_per_step(trial, dataset));
}

double bytes_per_step(const TrialSettings& trial, const Dataset& dataset) {
  return step_work(trial.model, trial.training, samples_per_step(trial, dataset)).bytes();
}

std::int64_t steps_per_epoch(const TrialSettings& trial, const Dataset& dataset) {
  return (dataset.train.samples + trial.batch_size() - 1) / trial.batch_size();
}

std::int64_t steps_of_trial(const TrialSettings& trial, const Dataset& dataset) {
  if (trial.training.steps) return *trial.training.steps;
  return trial.training.epochs.value_or(1) * steps_per_epoch(trial, dataset);
}

std::int64_t rounds_of_trial(const MeasureSettings& measure, std::int64_t total_steps) {
  return std::clamp<std::int64_t>(total_steps / (measure.warmup_steps + 1), 1, measure.rounds);
}

std::int64_t steps_of_round(std::int64_t total_steps, std::int64_t rounds, std::int64_t round) {
  return total_steps * (round + 1) / rounds - total_steps * round / rounds;
}

std::vector<std::int64_t> training_order(const TrialSettings& trial, const Dataset& dataset, std::int64_t epoch) {
  std::vector<std::int64_t> order = epoch_order(dataset.train.samples, trial.dataset.shuffle, trial.seed, epoch);
  if (trial.model.perturb != Perturbation::summation_order) return order;
  std::vector<std::int64_t> perturbed;
  perturbed.reserve(order.size());
  std::int64_t step = epoch * steps_per_epoch(trial, dataset);
  for (std::int64_t begin = 0; begin < std::ssize(order); begin += trial.batch_size(), ++step) {
    const std::int64_t size = std::min(trial.batch_size(), std::ssize(order) - begin);
    const RandomStream stream(trial.model.perturb_seed, Purpose::summation_order, static_cast<std::uint64_t>(step));
    for (const std::int64_t i : permutation(size, stream)) {
      perturbed.push_back(order[static_cast<std::size_t>(begin + i)]);
    }
  }
  return perturbed;
}

std::vector<std::int64_t> turns_of_round(std::int64_t members, std::uint64_t seed, std::int64_t round) {
  return permutation(members, {seed, Purpose::round_order, static_cast<std::uint64_t>(round)});
}

}  // namespace stepbench
