// The weight W (out, in) of a linear layer, with its gradient and moments, as the products that work with it want it to
// lie, and the three products of such a layer.
//
// Every method but read and write works on a part by itself, rows and columns of what it computes, and may be called
// side by side for parts that do not overlap. N: rows of the batch (samples, or tokens).
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/network.hpp"
#include "variants/kernels/kernels.hpp"
#include "variants/kernels/operand.hpp"
#include "variants/kernels/range.hpp"

namespace stepbench {

/// What is known of a weight when it is made.
struct WeightSettings {
  std::ptrdiff_t outputs, inputs;
  Optimizer optimizer;
  bool input_gradient;  // whether `backward` will be called
};

/// Y (N, out) = X (N, in) W^T, then in this order what else is asked for.
template <typename Scalar>
struct LinearForward {
  Operand<const Scalar> input;   // X
  Operand<Scalar> output;        // Y
  bool accumulate = false;       // Y is added
  const Scalar* bias = nullptr;  // (out), added
  bool relu = false;             // with a bias: negative values become 0; NaN stays, so that divergence shows
};

/// dX (N, in) = dY (N, out) W.
template <typename Scalar>
struct LinearBackward {
  Operand<const Scalar> output_gradient;      // dY
  Operand<Scalar> input_gradient;             // dX
  Operand<const Scalar> mask = {nullptr, 0};  // (N, in), as far apart as dX's rows, where not null: dX is 0 where this
                                              // is not above 0, as ReLU's derivative
};

template <typename Scalar>
class LinearWeight {
 public:
  LinearWeight() = default;
  LinearWeight(const LinearWeight&) = delete;
  LinearWeight& operator=(const LinearWeight&) = delete;
  virtual ~LinearWeight() = default;

  /// From now on the parameters are those of `other`, a weight of the same products and settings; gradient and moments
  /// stay its own. For networks that several threads train without locks (variants/hogwild). False, and nothing is done,
  /// where the products cannot.
  [[nodiscard]] virtual bool share_parameters(const LinearWeight& /*other*/) { return false; }

  /// Copy to and from row-major (out, in) as Network's read and write do.
  virtual void read(Content content, Scalar* values) const = 0;
  virtual void write(Content content, const Scalar* values) = 0;

  virtual void forward(const LinearForward<Scalar>& product, Range rows, Range outputs) const = 0;
  virtual void backward(const LinearBackward<Scalar>& product, Range rows, Range inputs) const = 0;

  /// The gradient of a block.
  virtual void form_gradient(const LinearGradient<Scalar>& product, Range outputs, Range inputs) = 0;
  /// Whether that follows LinearGradient::leaf_rows.
  [[nodiscard]] virtual bool sums_by_leaves() const { return false; }
  /// The gradient as it lies: what is written there is what `update` takes. Empty where only `write` reaches it.
  [[nodiscard]] virtual std::span<Scalar> gradient_memory() { return {}; }
  /// The optimiser's step by the gradient of a block.
  virtual void update(const OptimizerStep<Scalar>& rule, Range outputs, Range inputs) = 0;
  [[nodiscard]] virtual double gradient_sum_of_squares(Range outputs, Range inputs) const = 0;
  /// Whether `train` can be had of the optimiser that the weight was made for.
  [[nodiscard]] virtual bool trains_in_one() const = 0;
  /// Gradient and step of a block in one, without the gradient in memory; for steps without clipping.
  virtual void train(const LinearGradient<Scalar>& product, const OptimizerStep<Scalar>& rule, Range outputs,
                     Range inputs) = 0;
};

}  // namespace stepbench
