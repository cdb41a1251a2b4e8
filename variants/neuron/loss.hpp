// The two losses and their derivatives, sample by sample. Sums are kept in double in both precisions.
#pragma once

#include <cstdint>
#include <span>

#include "core/network.hpp"

namespace stepbench {

/// Recorded loss (enum Loss in core/settings.hpp) of `outputs` (B, K) on the batch. Where `output_gradient` (B, K) is
/// not empty, it receives the derivative of the objective by the outputs.
template <typename Scalar>
double loss_and_gradient(Loss loss, std::span<const Scalar> outputs, const Batch<Scalar>& batch,
                         std::span<Scalar> output_gradient);

/// Samples whose largest output (the first of several equal ones) is their label's; 0 for a batch without labels.
template <typename Scalar>
std::int64_t count_correct(std::span<const Scalar> outputs, const Batch<Scalar>& batch);

}  // namespace stepbench
