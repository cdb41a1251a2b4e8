// One block of GPT-2's kind (Radford et al. 2019), pre-norm: first the tokens of a sequence look at each other, then
// each thinks for itself, and both times the result is added to what was there:
//   h = x + output(attention(qkv(norm1(x)))),   y = h + down(up(norm2(h))).
//
// Letters: B sequences, T context, N = B T rows (one per token), D width, H heads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/settings.hpp"
#include "variants/neuron/attention.hpp"
#include "variants/neuron/layer_norm.hpp"
#include "variants/neuron/neuron.hpp"

namespace stepbench::neuron {

/// What a block is made of. Tests replace one part by a wrong one, to see that it is noticed.
template <typename Scalar>
struct TransformerParts {
  using Norm = LayerNorm<Scalar>;
  using Attention = AttentionHead<Scalar>;
  using HiddenLayer = Layer<Scalar>;
};

template <typename Scalar, typename Parts = TransformerParts<Scalar>>
class TransformerBlock {
 public:
  TransformerBlock(const ModelSettings& model, Optimizer optimizer, std::int64_t max_batch);

  /// y (N, D) of `input` x (N, D), whole sequences; valid until the next forward. Keeps views of the input.
  Rows<const Scalar> forward(Rows<const Scalar> input);
  /// All gradients of the block from dC/dy (N, D) of the rows that last went forward, and dC/dx (N, D).
  Rows<const Scalar> backward(Rows<const Scalar> output_gradient);

  /// Calls `visit` with each norm and layer, in canonical order.
  template <typename Visit>
  void for_each_part(const Visit& visit) {
    visit(norm1_);
    visit(qkv_);
    visit(output_);
    visit(norm2_);
    visit(up_);
    visit(down_);
  }

 private:
  Rows<const Scalar> attend(Rows<const Scalar> qkv);
  Rows<const Scalar> attend_backward(Rows<const Scalar> attended_gradient);
  /// Calls `visit(head, sequence, h)` for each head h of each sequence among `rows` rows.
  template <typename Visit>
  void for_each_head(std::int64_t rows, const Visit& visit);
  /// Head h's columns of sequence `sequence` in a matrix (N, D), or of the D columns of a wider one from `first` on.
  template <typename T>
  [[nodiscard]] Columns<T> slice(Rows<T> matrix, std::int64_t sequence, std::int64_t h, std::int64_t first = 0) const {
    return columns_of(matrix, sequence * context_, context_, first + h * head_width_, head_width_);
  }

  /// Gradients of the layer itself, then dC/d(its input).
  template <typename AnyLayer>
  static Rows<const Scalar> layer_backward(AnyLayer& layer, Rows<const Scalar> output_gradient) {
    layer.compute_gradients(output_gradient);
    return layer.compute_input_gradient();
  }
  static Rows<const Scalar> norm_backward(typename Parts::Norm& norm, Rows<const Scalar> output_gradient) {
    norm.compute_gradients(output_gradient);
    return norm.compute_input_gradient(output_gradient);
  }
  static Rows<const Scalar> sum_into(std::vector<Scalar>& sum, Rows<const Scalar> a, Rows<const Scalar> b) {
    for (std::size_t i = 0; i < a.all().size(); ++i) sum[i] = a.first[i] + b.first[i];
    return {sum.data(), a.count, a.width};
  }

  std::int64_t width_, context_, heads_per_sequence_, head_width_;
  typename Parts::Norm norm1_, norm2_;
  Layer<Scalar> qkv_;                             // 3D neurons: those of all heads' queries, then keys, then values
  std::vector<typename Parts::Attention> heads_;  // (max_batch, H)
  Layer<Scalar> output_;
  typename Parts::HiddenLayer up_;
  Layer<Scalar> down_;
  std::vector<Scalar> attended_;                                   // (max_rows, D), the heads' outputs side by side
  std::vector<Scalar> after_attention_;                            // h (max_rows, D)
  std::vector<Scalar> after_mlp_;                                  // y (max_rows, D)
  std::vector<Scalar> qkv_gradient_;                               // (max_rows, 3D)
  std::vector<Scalar> after_attention_gradient_, input_gradient_;  // (max_rows, D)
};

template <typename Scalar, typename Parts>
TransformerBlock<Scalar, Parts>::TransformerBlock(const ModelSettings& model, Optimizer optimizer,
                                                  std::int64_t max_batch)
    : width_(model.d_model),
      context_(model.context),
      heads_per_sequence_(model.heads),
      head_width_(model.d_model / model.heads),
      norm1_(width_, optimizer, max_batch * context_),
      norm2_(width_, optimizer, max_batch * context_),
      qkv_(width_, 3 * width_, Activation::linear, optimizer, max_batch * context_, false),
      heads_(static_cast<std::size_t>(max_batch * model.heads), typename Parts::Attention(context_, head_width_)),
      output_(width_, width_, Activation::linear, optimizer, max_batch * context_, false),
      up_(width_, 4 * width_, model.activation == MlpActivation::gelu ? Activation::gelu : Activation::relu, optimizer,
          max_batch * context_, false),
      down_(4 * width_, width_, Activation::linear, optimizer, max_batch * context_, false),
      attended_(static_cast<std::size_t>(max_batch * context_ * width_)),
      after_attention_(attended_.size()),
      after_mlp_(attended_.size()),
      qkv_gradient_(3 * attended_.size()),
      after_attention_gradient_(attended_.size()),
      input_gradient_(attended_.size()) {}

template <typename Scalar, typename Parts>
Rows<const Scalar> TransformerBlock<Scalar, Parts>::forward(Rows<const Scalar> input) {
  const Rows<const Scalar> attended = attend(qkv_.forward(norm1_.forward(input)));
  const Rows<const Scalar> h = sum_into(after_attention_, input, output_.forward(attended));
  return sum_into(after_mlp_, h, down_.forward(up_.forward(norm2_.forward(h))));
}

template <typename Scalar, typename Parts>
Rows<const Scalar> TransformerBlock<Scalar, Parts>::backward(Rows<const Scalar> output_gradient) {
  const Rows<const Scalar> mlp_gradient = layer_backward(up_, layer_backward(down_, output_gradient));
  const Rows<const Scalar> h_gradient =
      sum_into(after_attention_gradient_, output_gradient, norm_backward(norm2_, mlp_gradient));
  const Rows<const Scalar> qkv_gradient = attend_backward(layer_backward(output_, h_gradient));
  return sum_into(input_gradient_, h_gradient, norm_backward(norm1_, layer_backward(qkv_, qkv_gradient)));
}

template <typename Scalar, typename Parts>
template <typename Visit>
void TransformerBlock<Scalar, Parts>::for_each_head(std::int64_t rows, const Visit& visit) {
  auto head = heads_.begin();
  for (std::int64_t sequence = 0; sequence < rows / context_; ++sequence) {
    for (std::int64_t h = 0; h < heads_per_sequence_; ++h) visit(*head++, sequence, h);
  }
}

template <typename Scalar, typename Parts>
Rows<const Scalar> TransformerBlock<Scalar, Parts>::attend(Rows<const Scalar> qkv) {
  const Rows<Scalar> attended{attended_.data(), qkv.count, width_};
  for_each_head(qkv.count, [&](auto& head, std::int64_t sequence, std::int64_t h) {
    head.forward(slice(qkv, sequence, h), slice(qkv, sequence, h, width_), slice(qkv, sequence, h, 2 * width_),
                 slice(attended, sequence, h));
  });
  return {attended_.data(), qkv.count, width_};
}

template <typename Scalar, typename Parts>
Rows<const Scalar> TransformerBlock<Scalar, Parts>::attend_backward(Rows<const Scalar> attended_gradient) {
  const Rows<Scalar> gradient{qkv_gradient_.data(), attended_gradient.count, 3 * width_};
  for_each_head(attended_gradient.count, [&](auto& head, std::int64_t sequence, std::int64_t h) {
    head.compute_input_gradients(slice(attended_gradient, sequence, h), slice(gradient, sequence, h),
                                 slice(gradient, sequence, h, width_), slice(gradient, sequence, h, 2 * width_));
  });
  return {qkv_gradient_.data(), attended_gradient.count, 3 * width_};
}

}  // namespace stepbench::neuron
