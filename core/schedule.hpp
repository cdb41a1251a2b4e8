// The learning rate of a step.
#pragma once

#include <cstdint>

#include "core/settings.hpp"

namespace stepbench {

/// What a learning rate is multiplied by for batches of so many samples: 1 / (1 + noise_scale / batch_size), from
/// McCandlish et al., "An Empirical Model of Large-Batch Training", 2018, eq. 2.6.
[[nodiscard]] double batch_size_factor(const TrainingSettings& training, std::int64_t batch_size);

/// Step `step` (from 0) of `total`, with batches of `batch_size` samples. constant: the rate itself. cosine: linear
/// warm-up rate (t + 1) / warmup_steps, then half a cosine that reaches final_learning_rate at the last step. All of it
/// times batch_size_factor.
[[nodiscard]] double scheduled_learning_rate(const TrainingSettings& training, std::int64_t step, std::int64_t total,
                                             std::int64_t batch_size);

}  // namespace stepbench
