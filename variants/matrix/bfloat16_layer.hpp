// The parameters of a linear layer in bfloat16, y = x W^T + b, and what a step does with them (kernels/bfloat16.hpp): W
// (out, in) in panels of two bytes an element, with a transposed copy where dX is wanted, b of two bytes, their
// gradients and moments in float32, and what keeps their updates from being lost, if anything does.
//
// As with LinearWeight, parts that do not overlap may be worked on side by side; those of b belong to the first input.
#pragma once

#include <cstddef>
#include <span>

#include "core/buffer.hpp"
#include "core/network.hpp"
#include "variants/kernels/bfloat16.hpp"

namespace stepbench {

class Bfloat16Layer {
 public:
  struct Shape {
    std::ptrdiff_t inputs, outputs;
    std::ptrdiff_t canonical_weight, canonical_bias;  // where they begin in canonical order
    bool input_gradient;                              // whether `backward` will be called
  };
  Bfloat16Layer(const Shape& shape, const NetworkSettings& settings);
  Bfloat16Layer(Bfloat16Layer&&) = default;  // a copy's spans would be of the other's gradients

  /// The layer's part of all values in canonical order, as Network's read and write.
  void read(Content content, float* all) const;
  void write(Content content, const float* all);

  /// Rounded, of `rows` and `outputs`, with ReLU; or as they are summed, without.
  void forward(Operand<const Bfloat16> input, Operand<Bfloat16> output, Range rows, Range outputs) const;
  void forward_unrounded(Operand<const Bfloat16> input, Operand<float> output, bool relu, Range rows,
                         Range outputs) const;
  /// dX, 0 where `mask` is not above 0.
  void backward(Operand<const Bfloat16> output_gradient, Operand<const Bfloat16> mask, Operand<Bfloat16> input_gradient,
                Range rows, Range inputs) const;

  void form_gradient(const LinearGradient<Bfloat16>& product, Range outputs, Range inputs);
  void update(const OptimizerStep<float>& rule, Range outputs, Range inputs);
  /// Both in one.
  void train(const LinearGradient<Bfloat16>& product, const OptimizerStep<float>& rule, Range outputs, Range inputs);
  [[nodiscard]] double gradient_sum_of_squares(Range outputs, Range inputs) const;
  /// Of W, in panels, and behind it of b.
  [[nodiscard]] std::span<float> gradient_memory() { return gradients_; }

 private:
  /// A parameter each, padded to whole rows of P.
  struct Kept {
    Buffer<Bfloat16> values, compensation;
    std::span<float> gradients;  // of the layer's
    Buffer<float> first, second, master;
    Kept(std::span<float> gradients_of_these, const TrainingSettings& training);
    [[nodiscard]] Bfloat16Parameters parameters();
    /// Calls use(floats or halves) with the buffer of that content, which may be empty.
    template <typename Self, typename Use>
    static void with(Self& self, Content content, const Use& use);
    /// After the values were written.
    void start_anew();
  };
  [[nodiscard]] Bfloat16Weight weight();
  [[nodiscard]] WeightRounding rounding(const OptimizerStep<float>& rule) const;
  [[nodiscard]] Panels<const float> in_panels(const float* data) const { return {data, shape_.inputs, shape_.outputs}; }
  void sum_bias_gradient(const LinearGradient<Bfloat16>& product, Range outputs);
  void update_bias(const OptimizerStep<float>& rule, Range outputs);

  Shape shape_;
  Rounding rounding_;
  std::uint64_t seed_;
  Buffer<float> gradients_;      // of W and b
  Kept weight_;                  // W^T (in, out) in panels
  Kept bias_;                    // (out)
  Buffer<Bfloat16> transposed_;  // W (out, in) in panels, where dX is wanted
};

}  // namespace stepbench
