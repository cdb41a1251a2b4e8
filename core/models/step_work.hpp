// What a training step must move through memory, phase by phase, and what a network must hold, told from shapes alone:
// the bytes beside the FLOPs. By the model's kind: mlp_work.cpp, transformer_work.cpp.
//
// Counted is compulsory traffic: every operation (a product, a norm, attention of a block, the optimiser's pass) reads
// each of its operands once and writes each of its results once, whatever it reads again from a cache while it is at
// it. What follows a product element by element (bias, ReLU, the residual sum) leaves with it and moves nothing by
// itself. What is updated in place is read and written.
//
// Not counted: the loading of a cache line before all of it is overwritten; copies that a library packs for its
// products; tokens and labels; what stays in a cache from one operation to the next, so that less moves (small
// activations), and what does not fit while one operation is at it, so that more does. A backend that updates within
// the weight's gradient moves no gradients.
//
// In bfloat16, weights and activations are of two bytes, gradients of parameters and moments of four; logits, which are
// of four, are counted as the other activations.
#pragma once

#include <array>
#include <cstdint>

#include "core/network.hpp"
#include "core/network_memory.hpp"
#include "core/settings.hpp"

namespace stepbench {

/// Bytes of one kind of tensor.
struct Traffic {
  double read = 0;     // and not written
  double written = 0;  // and not read before
  double updated = 0;  // read, and written where they were
  [[nodiscard]] double bytes() const { return read + written + 2 * updated; }
  /// What a cache that holds nothing yet fetches: a line that is written is fetched first, too.
  [[nodiscard]] double fetched() const { return read + written + updated; }
};

/// Of a phase.
struct PhaseWork {
  double flops = 0;                                  // as flops_per_step of parameters.hpp
  Traffic weights, activations, gradients, moments;  // activations: with their gradients; weights: all parameters
  void scale(double by);
  void add(const PhaseWork& other);
  [[nodiscard]] double bytes() const {
    return weights.bytes() + activations.bytes() + gradients.bytes() + moments.bytes();
  }
  [[nodiscard]] double fetched() const {
    return weights.fetched() + activations.fetched() + gradients.fetched() + moments.fetched();
  }
};

struct StepWork {
  std::array<PhaseWork, kPhaseNames.size()> phases;  // by Phase
  PhaseWork& operator[](Phase phase) { return phases[static_cast<std::size_t>(phase)]; }
  const PhaseWork& operator[](Phase phase) const { return phases[static_cast<std::size_t>(phase)]; }
  [[nodiscard]] double flops() const;
  [[nodiscard]] double bytes() const;
  [[nodiscard]] double fetched() const;
};

/// Of a step on B samples, in micro-batches where the training has them. By the model's kind.
[[nodiscard]] StepWork step_work(const ModelSettings& model, const TrainingSettings& training, std::int64_t batch_size);

/// Whether a batch of B samples is trained in more than one micro-batch.
[[nodiscard]] bool trains_in_parts(const TrainingSettings& training, std::int64_t batch_size);

/// Of a network for batches of at most B samples: in micro-batches where the training has them (their sum counts as
/// gradients, and the whole batch is gathered), in matrix form, with each tensor that the backward pass needs kept from
/// the forward pass. Without copies of weights, which are the backend's. By the model's kind.
[[nodiscard]] NetworkMemory network_memory(const ModelSettings& model, const TrainingSettings& training,
                                           std::int64_t batch_size);

/// Bytes of a second copy of each weight whose input gradient is wanted, as some backends keep it: all matrices, but an
/// MLP's first.
[[nodiscard]] double copied_weights(const ModelSettings& model, const TrainingSettings& training);

/// Bytes of a number that is computed with, of one in a weight or an activation, and how many moments of each parameter
/// the optimiser keeps.
[[nodiscard]] double scalar_bytes(const TrainingSettings& training);
[[nodiscard]] double stored_bytes(const TrainingSettings& training);
[[nodiscard]] double moments_kept(const TrainingSettings& training);

// For who writes down the operations of a kind of model. Counts are of elements; sizes in bytes are made of them in the
// end, by step_work.

/// y = x W^T (+ b): `rows` of `inputs` to `outputs`.
struct LinearShape {
  double rows, inputs, outputs;
  bool has_bias = true;
  [[nodiscard]] double weight() const { return inputs * outputs; }
  [[nodiscard]] double parameters() const { return weight() + (has_bias ? outputs : 0); }
};
/// `adds`: to what is there, the residual stream.
void add_forward(StepWork& work, const LinearShape& shape, bool adds = false);
/// Input gradient; `masked`: by ReLU's derivative, from the input.
void add_input_gradient(StepWork& work, const LinearShape& shape, bool masked = false);
void add_weight_gradient(StepWork& work, const LinearShape& shape);
/// The optimiser's pass over all parameters; with clipping, the gradients' norm before it.
void add_update(StepWork& work, const TrainingSettings& training, double parameters);

}  // namespace stepbench
