// The random division of generated samples into a training and a validation part.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/settings.hpp"

namespace stepbench {

/// A permutation of 0 .. count-1 whose end is the validation part.
struct RandomSplit {
  std::vector<std::int64_t> order;
  std::size_t train_samples = 0;

  [[nodiscard]] std::span<const std::int64_t> train() const { return std::span(order).first(train_samples); }
  [[nodiscard]] std::span<const std::int64_t> validation() const { return std::span(order).subspan(train_samples); }
};

/// Drawn from `dataset.seed`. The validation part has floor(validation_fraction * count) samples, but one at least.
/// `count` is 2 or more. Throws InputError for a fraction outside [0, 1).
[[nodiscard]] RandomSplit split_at_random(std::int64_t count, const DatasetSettings& settings);

}  // namespace stepbench
