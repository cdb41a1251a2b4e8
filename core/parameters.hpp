// The canonical parameters of a network: one order, one set of names, one flat buffer (DESIGN: "Canonical parameters").
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/settings.hpp"

namespace stepbench {

/// What an optimiser may treat differently: AdamW decays matrices only.
enum class ParameterRole { matrix, bias, norm, embedding };

struct ParameterTensor {
  std::string name;                 // `layers.0.weight`
  std::vector<std::int64_t> shape;  // (out, in) of a matrix, (out) of a bias; row-major
  ParameterRole role = ParameterRole::matrix;
  std::int64_t offset = 0;  // of the first element in the flat buffer
  std::int64_t size = 0;    // elements
};

struct ParameterLayout {
  std::vector<ParameterTensor> tensors;  // in canonical order, without gaps
  std::int64_t size = 0;                 // elements in all
};

/// MLP: layers.{i}.weight (out, in), then layers.{i}.bias (out), from the input on. Transformer: token_embedding.weight
/// (V, D); position_embedding.weight (T, D), when learned; of each block i: blocks.{i}.norm1.weight (D), .bias (D);
/// blocks.{i}.attention.qkv.weight (3D, D), all rows of Q, then K, then V, head h owning rows h D/H .., .bias (3D);
/// blocks.{i}.attention.output.weight (D, D), .bias; blocks.{i}.norm2.weight, .bias; blocks.{i}.mlp.up.weight (4D, D),
/// .bias; blocks.{i}.mlp.down.weight (D, 4D), .bias; final_norm.weight, .bias; head.weight (V, D), unless tied.
[[nodiscard]] ParameterLayout parameter_layout(const ModelSettings& model);

/// The part of a flat buffer that holds `tensor`.
template <typename Scalar>
[[nodiscard]] std::span<Scalar> tensor_of(std::span<Scalar> flat, const ParameterTensor& tensor) {
  return flat.subspan(static_cast<std::size_t>(tensor.offset), static_cast<std::size_t>(tensor.size));
}

/// Initial parameters by the model's scheme (biases zero, norms' weights one; not for Initialisation::file), drawn in
/// double from (seed, tensor, element) and then rounded: float32 and float64 trials of one seed start from the same
/// numbers.
template <typename Scalar>
[[nodiscard]] std::vector<Scalar> initial_parameters(const ModelSettings& model, std::uint64_t seed);

/// Floating-point operations of one training step on B samples: matrix products only, 2mnk each; forward, weight
/// gradients, input gradients (none for an MLP's first layer); causal attention counts half.
[[nodiscard]] double flops_per_step(const ModelSettings& model, std::int64_t batch_size);

}  // namespace stepbench
