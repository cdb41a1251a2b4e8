#include "core/schedule.hpp"

#include <cmath>
#include <numbers>

namespace stepbench {
namespace {

/// Of a batch so large that its gradient has no noise.
double noiseless_learning_rate(const TrainingSettings& training, std::int64_t step, std::int64_t total) {
  if (training.schedule == Schedule::constant) return training.learning_rate;
  if (step < training.warmup_steps) {
    return training.learning_rate * static_cast<double>(step + 1) / static_cast<double>(training.warmup_steps);
  }
  const std::int64_t span = total - 1 - training.warmup_steps;
  const double progress =
      span <= 0 ? 1.0 : static_cast<double>(step - training.warmup_steps) / static_cast<double>(span);
  return training.final_learning_rate +
         (training.learning_rate - training.final_learning_rate) * (1 + std::cos(std::numbers::pi * progress)) / 2;
}

}  // namespace

double batch_size_factor(const TrainingSettings& training, std::int64_t batch_size) {
  return 1 / (1 + training.noise_scale / static_cast<double>(batch_size));
}

double scheduled_learning_rate(const TrainingSettings& training, std::int64_t step, std::int64_t total,
                               std::int64_t batch_size) {
  return noiseless_learning_rate(training, step, total) * batch_size_factor(training, batch_size);
}

}  // namespace stepbench
