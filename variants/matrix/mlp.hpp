// The MLP in matrix form: z = a W^T + b for a whole layer. Stage and unit l are layer l, whose rows are its outputs.
//
// Letters: B batch, n_l outputs of layer l (n_-1: the network's inputs). a_l (B, n_l) activations, d_l (B, n_l) dC/dz.
#pragma once

#include <vector>

#include "variants/matrix/label_loss.hpp"
#include "variants/matrix/model.hpp"

namespace stepbench {

template <typename Scalar>
class MatrixMlp final : public MatrixModel<Scalar> {
 public:
  MatrixMlp(const NetworkSettings& settings, const Products<Scalar>& products);

  [[nodiscard]] bool reads_features() const override { return true; }
  void forward(Lane<Scalar>& lane) override;
  void hits(Lane<Scalar>& lane) override;
  [[nodiscard]] std::ptrdiff_t stages() const override { return std::ssize(this->units_); }
  void backward(std::ptrdiff_t layer, Lane<Scalar>& lane) override;
  void form_gradient(const Batch<Scalar>& batch, std::size_t layer, Range rows, Range columns) override;
  void train(const Batch<Scalar>& batch, std::size_t layer, Range rows, Range columns,
             const OptimizerStep<Scalar>& rule) override;
  using MatrixModel<Scalar>::loss;

 private:
  [[nodiscard]] bool has_relu(std::size_t layer) const;
  /// The layer's input a_(l-1): the batch's features for the first layer.
  [[nodiscard]] Operand<const Scalar> layer_input(const Batch<Scalar>& batch, std::size_t layer) const;
  [[nodiscard]] LinearGradient<Scalar> layer_gradient(const Batch<Scalar>& batch, std::size_t layer) const;

  void row_losses(const Batch<Scalar>& batch, Range rows);
  void row_hits(const Batch<Scalar>& batch, Range rows);

  OutputLoss<Scalar> output_loss_;
  /// Rows as far apart as the products like them.
  struct LayerRows {
    std::ptrdiff_t stride;
    Buffer<Scalar> activations, deltas;  // a_l, d_l (max_batch, n_l)
    [[nodiscard]] Operand<Scalar> a() { return {activations.data(), stride}; }
    [[nodiscard]] Operand<const Scalar> a() const { return {activations.data(), stride}; }
    [[nodiscard]] Operand<Scalar> d() { return {deltas.data(), stride}; }
    [[nodiscard]] Operand<const Scalar> d() const { return {deltas.data(), stride}; }
  };
  std::vector<LayerRows> layers_;
};

}  // namespace stepbench
