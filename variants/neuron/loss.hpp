// The losses and their derivatives, row by row: a row is a sample, or a token of a sequence. Sums are kept in double in
// both precisions, but for a softmax that is to be in float32.
#pragma once

#include <cstdint>
#include <span>

#include "core/network.hpp"
#include "variants/neuron/rows.hpp"

namespace stepbench::neuron {

/// Recorded loss (model.loss, model.softmax) of `outputs` (B, K) or (B * T, V) on the batch, of which something
/// must count. Where `output_gradient`, as large, is not empty, it receives the derivative of the objective by the
/// outputs: 0 for tokens that do not count.
template <typename Scalar>
double loss_and_gradient(const ModelSettings& model, Rows<const Scalar> outputs, const Batch<Scalar>& batch,
                         std::span<Scalar> output_gradient);

/// Rows whose largest output (the first of several equal ones) is their label's; 0 for a batch without labels.
template <typename Scalar>
std::int64_t count_correct(Rows<const Scalar> outputs, const Batch<Scalar>& batch);

}  // namespace stepbench::neuron
