// The MLP in matrix form: z = a W^T + b for a whole layer. Stage and unit l are layer l, whose rows are its outputs.
//
// Letters: B batch, n_l outputs of layer l (n_-1: the network's inputs). a_l (B, n_l) activations, d_l (B, n_l) dC/dz.
#pragma once

#include <vector>

#include "variants/matrix/model.hpp"

namespace stepbench {

template <typename Scalar>
class MatrixMlp final : public MatrixModel<Scalar> {
 public:
  MatrixMlp(const NetworkSettings& settings, const Products<Scalar>& products);

  void forward(Lane<Scalar>& lane) override;
  void hits(Lane<Scalar>& lane) override;
  [[nodiscard]] std::ptrdiff_t stages() const override { return std::ssize(this->units_); }
  void backward(std::ptrdiff_t layer, Lane<Scalar>& lane) override;
  void weight_gradient(const Batch<Scalar>& batch, std::size_t layer, Range rows, Range columns) override;
  void fused_sgd(const Batch<Scalar>& batch, std::size_t layer, Range rows, Range columns,
                 const OptimizerStep<Scalar>& step) override;
  using MatrixModel<Scalar>::loss;

 private:
  [[nodiscard]] bool has_relu(std::size_t layer) const;
  /// The layer's input a_(l-1): the batch's features for the first layer.
  [[nodiscard]] const Scalar* layer_input(const Batch<Scalar>& batch, std::size_t layer) const;

  void layer_forward(const Batch<Scalar>& batch, std::size_t layer, Range rows, Range columns);
  void layer_backward(std::size_t layer, Range rows, Range columns);
  void row_losses(const Batch<Scalar>& batch, Range rows);
  void row_hits(const Batch<Scalar>& batch, Range rows);

  Loss loss_;
  OutputActivation output_;
  std::vector<Buffer<Scalar>> activations_;  // a_l (max_batch, n_l)
  std::vector<Buffer<Scalar>> deltas_;       // d_l (max_batch, n_l)
};

}  // namespace stepbench
