// The learning rate of a step.
#pragma once

#include <cstdint>

#include "core/settings.hpp"

namespace stepbench {

/// Step `step` (from 0) of `total`. constant: the rate itself. cosine: linear warm-up rate (t + 1) / warmup_steps, then
/// half a cosine that reaches final_learning_rate at the last step.
[[nodiscard]] double scheduled_learning_rate(const TrainingSettings& training, std::int64_t step, std::int64_t total);

}  // namespace stepbench
