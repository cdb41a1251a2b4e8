// The canonical parameters of a network: one order, one set of names, one flat buffer (DESIGN: "Canonical parameters").
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/settings.hpp"

namespace stepbench {

/// Ten thousand million parameters (80 GB in float64): above what trains on one CPU, and small enough that sizes in
/// bytes and operations of a step stay far below 2^63.
inline constexpr std::int64_t kMostParameters = 10'000'000'000;

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

  void add(std::string name, std::vector<std::int64_t> shape, ParameterRole role);
  /// PREFIX.weight (out, in), PREFIX.bias (out)
  void add_linear(const std::string& prefix, std::int64_t out, std::int64_t in);
  /// PREFIX.weight (width), PREFIX.bias (width)
  void add_norm(const std::string& prefix, std::int64_t width);
};

/// By the model's kind: mlp.hpp, transformer.hpp.
[[nodiscard]] ParameterLayout parameter_layout(const ModelSettings& model);

/// Reads the tensors of a layout, which outlives it, in canonical order.
class LayoutCursor {
 public:
  explicit LayoutCursor(const ParameterLayout& layout) : tensors_(layout.tensors) {}
  const ParameterTensor& next() {
    const ParameterTensor& tensor = tensors_.front();
    tensors_ = tensors_.subspan(1);
    return tensor;
  }
  [[nodiscard]] bool at_end() const { return tensors_.empty(); }

 private:
  std::span<const ParameterTensor> tensors_;
};

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
/// gradients, input gradients. By the model's kind.
[[nodiscard]] double flops_per_step(const ModelSettings& model, std::int64_t batch_size);

}  // namespace stepbench
