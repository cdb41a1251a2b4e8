// Layer normalisation (Ba, Kiros and Hinton 2016): each row is shifted to mean 0 and scaled to variance 1 by itself,
// then each of its elements gets a weight and a bias of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "variants/neuron/optimizer.hpp"
#include "variants/neuron/rows.hpp"

namespace stepbench::neuron {

/// y = weight * x^ + bias, x^ = (x - mean(x)) / sqrt(variance(x) + epsilon), the variance being the biased one.
template <typename Scalar>
class LayerNorm {
 public:
  static constexpr double kEpsilon = 1e-5;  // keeps a constant row from being divided by 0; PyTorch's default

  LayerNorm(std::int64_t width, Optimizer optimizer, std::int64_t max_rows);

  /// y (N, D) of `input` (N, D); valid until the next forward.
  Rows<const Scalar> forward(Rows<const Scalar> input);
  /// Gradients of weight and bias from dC/dy (N, D) of the rows that last went forward.
  void compute_gradients(Rows<const Scalar> output_gradient);
  /// dC/dx (N, D). With g = weight * dC/dy: (g - mean(g) - x^ mean(g x^)) / sqrt(variance + epsilon).
  Rows<const Scalar> compute_input_gradient(Rows<const Scalar> output_gradient);

  [[nodiscard]] TrainedTensor<Scalar>& weight() { return weight_; }
  [[nodiscard]] TrainedTensor<Scalar>& bias() { return bias_; }

 private:
  std::int64_t width_;
  TrainedTensor<Scalar> weight_;           // (D)
  TrainedTensor<Scalar> bias_;             // (D)
  std::vector<Scalar> normalised_;         // x^ (max_rows, D)
  std::vector<Scalar> inverse_deviation_;  // 1 / sqrt(variance + epsilon) (max_rows)
  std::vector<Scalar> output_;             // (max_rows, D)
  std::vector<Scalar> input_gradient_;     // (max_rows, D)
};

}  // namespace stepbench::neuron
