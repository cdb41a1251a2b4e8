// A weight as it stands in the canonical order, for products that take it so; beside it the copy that they like going
// forward, if they like one. Bias, ReLU and its derivative are passes after the product.
#pragma once

#include <memory>

#include "core/buffer.hpp"
#include "variants/kernels/linear_weight.hpp"
#include "variants/kernels/parameter_buffers.hpp"
#include "variants/kernels/products.hpp"

namespace stepbench {

template <typename Scalar>
class RowMajorWeight final : public LinearWeight<Scalar> {
 public:
  /// `role`: for the optimiser. `products` outlive the weight.
  RowMajorWeight(const WeightSettings& settings, ParameterRole role, const Products<Scalar>& products);

  [[nodiscard]] bool share_parameters(const LinearWeight<Scalar>& other) override;
  void read(Content content, Scalar* values) const override;
  void write(Content content, const Scalar* values) override;
  void forward(const LinearForward<Scalar>& product, Range rows, Range outputs) const override;
  void backward(const LinearBackward<Scalar>& product, Range rows, Range inputs) const override;
  void form_gradient(const LinearGradient<Scalar>& product, Range outputs, Range inputs) override;
  void update(const OptimizerStep<Scalar>& rule, Range outputs, Range inputs) override;
  [[nodiscard]] double gradient_sum_of_squares(Range outputs, Range inputs) const override;
  [[nodiscard]] bool sums_by_leaves() const override { return true; }
  [[nodiscard]] std::span<Scalar> gradient_memory() override {
    return {buffers_.gradients(), static_cast<std::size_t>(outputs_ * inputs_)};
  }
  [[nodiscard]] bool trains_in_one() const override { return optimizer_ == Optimizer::sgd; }
  void train(const LinearGradient<Scalar>& product, const OptimizerStep<Scalar>& rule, Range outputs,
             Range inputs) override;

  /// The two parts of `forward`, for a weight that has some of its products done in another way.
  void multiply_forward(const LinearForward<Scalar>& product, Range rows, Range outputs) const;
  void finish_forward(const LinearForward<Scalar>& product, Range rows, Range outputs) const;

  /// (out, in), row-major: for embeddings, whose rows are looked up.
  [[nodiscard]] const Scalar* parameters() const { return buffers_.parameters(); }
  [[nodiscard]] Scalar* gradients() { return buffers_.gradients(); }
  /// What some of the rows give of a block, for who adds more to it: sum (outputs, inputs).
  void form_gradient(const LinearGradient<Scalar>& product, Range rows, Range outputs, Range inputs,
                     Operand<Scalar> sum) const;

 private:
  void update_copy(Range outputs, Range inputs);

  std::ptrdiff_t outputs_, inputs_;
  Optimizer optimizer_;
  ParameterRole role_;
  const Products<Scalar>& products_;
  ParameterBuffers<Scalar> buffers_;
  std::shared_ptr<Buffer<Scalar>> copy_;  // of the products, or empty
};

}  // namespace stepbench
