// The MLP in matrix form: z = a W^T + b for a whole layer, over any range of rows of the batch (forward, loss, input
// gradient) or of output rows of a weight matrix (weight gradient, update). It computes on the calling thread and is
// safe to call side by side for ranges that do not overlap; who calls what when is network.cpp's.
//
// Letters: B batch, n_l outputs of layer l (n_-1: the network's inputs). a_l (B, n_l) activations, d_l (B, n_l) dC/dz.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/buffer.hpp"
#include "core/network.hpp"
#include "core/parameters.hpp"
#include "variants/matrix/kernels.hpp"
#include "variants/matrix/range.hpp"

namespace stepbench {

template <typename Scalar>
class MatrixMlp {
 public:
  explicit MatrixMlp(const NetworkSettings& settings);

  [[nodiscard]] std::ptrdiff_t layers() const { return static_cast<std::ptrdiff_t>(shapes_.size()); }
  [[nodiscard]] std::ptrdiff_t inputs(std::ptrdiff_t layer) const { return shape(layer).inputs; }
  [[nodiscard]] std::ptrdiff_t outputs(std::ptrdiff_t layer) const { return shape(layer).outputs; }
  [[nodiscard]] std::span<Scalar> parameters() { return parameters_; }
  [[nodiscard]] std::span<const Scalar> parameters() const { return parameters_; }
  [[nodiscard]] std::span<const Scalar> gradients() const { return gradients_; }
  void reset_optimizer();

  // Over rows of the batch.
  void forward(const Batch<Scalar>& batch, Range rows);
  /// Writes each row's loss and d of the last layer. The rows' losses are summed by loss().
  void loss(const Batch<Scalar>& batch, Range rows);
  /// Whether each row's largest output is its label's; counted by correct().
  void hits(const Batch<Scalar>& batch, Range rows);
  /// d of layer - 1 from d of `layer`; layer >= 1.
  void input_gradient(std::ptrdiff_t layer, Range rows);

  // Over output rows of a layer, all rows of the batch. `weight_gradient` fills the gradients of the block; `update`
  // takes the optimiser's step on it; `fused_sgd` does both in one matrix product, W := (1 - lr wd) W - lr d^T a,
  // without forming the gradient (plain SGD without clipping only).
  void weight_gradient(const Batch<Scalar>& batch, std::ptrdiff_t layer, Range outputs);
  void update(std::ptrdiff_t layer, Range outputs, const OptimizerStep<Scalar>& rule);
  void fused_sgd(const Batch<Scalar>& batch, std::ptrdiff_t layer, Range outputs, const OptimizerStep<Scalar>& rule);
  [[nodiscard]] double gradient_sum_of_squares(std::ptrdiff_t layer, Range outputs) const;

  /// The recorded loss of the batch, summed from the first row to the last.
  [[nodiscard]] double loss(const Batch<Scalar>& batch) const;
  [[nodiscard]] std::int64_t correct(const Batch<Scalar>& batch) const;

 private:
  struct Shape {
    std::ptrdiff_t inputs, outputs;
    std::ptrdiff_t weight, bias;  // offsets in the flat buffers
    bool relu;
  };
  [[nodiscard]] const Shape& shape(std::ptrdiff_t layer) const { return shapes_[static_cast<std::size_t>(layer)]; }
  [[nodiscard]] Scalar* activations(std::ptrdiff_t layer) {
    return activations_[static_cast<std::size_t>(layer)].data();
  }
  [[nodiscard]] Scalar* deltas(std::ptrdiff_t layer) { return deltas_[static_cast<std::size_t>(layer)].data(); }
  /// The layer's input a_(l-1): the batch's features for the first layer.
  [[nodiscard]] const Scalar* layer_input(const Batch<Scalar>& batch, std::ptrdiff_t layer);

  Loss loss_;
  std::vector<Shape> shapes_;
  Buffer<Scalar> parameters_, gradients_;          // canonical order
  Buffer<Scalar> first_moments_, second_moments_;  // as long as the parameters where the optimiser has them, else empty
  std::vector<Buffer<Scalar>> activations_;        // a_l (max_batch, n_l)
  std::vector<Buffer<Scalar>> deltas_;             // d_l (max_batch, n_l)
  std::vector<double> row_losses_;                 // (max_batch)
  std::vector<std::uint8_t> row_hits_;             // (max_batch)
};

}  // namespace stepbench
