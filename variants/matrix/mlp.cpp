#include "variants/matrix/mlp.hpp"

#include <algorithm>
#include <numeric>

#include "variants/matrix/gemm.hpp"

namespace stepbench {
namespace {

std::size_t elements(std::int64_t rows, std::ptrdiff_t columns) {
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
}

}  // namespace

template <typename Scalar>
MatrixMlp<Scalar>::MatrixMlp(const NetworkSettings& settings) : loss_(settings.model.loss) {
  const ParameterLayout layout = parameter_layout(settings.model);
  const std::size_t layer_count = layout.tensors.size() / 2;  // a weight and a bias each
  for (std::size_t l = 0; l < layer_count; ++l) {
    const ParameterTensor& weight = layout.tensors[2 * l];
    const bool last = l + 1 == layer_count;
    shapes_.push_back({.inputs = weight.shape[1],
                       .outputs = weight.shape[0],
                       .weight = weight.offset,
                       .bias = layout.tensors[2 * l + 1].offset,
                       .relu = !last || settings.model.output == OutputActivation::relu});
    activations_.emplace_back(elements(settings.max_batch, weight.shape[0]));
    deltas_.emplace_back(elements(settings.max_batch, weight.shape[0]));
  }
  const auto size = static_cast<std::size_t>(layout.size);
  const Optimizer optimizer = settings.training.optimizer;
  parameters_.resize(size);
  gradients_.resize(size);
  if (optimizer != Optimizer::sgd) first_moments_.resize(size);
  if (optimizer == Optimizer::adam || optimizer == Optimizer::adamw) second_moments_.resize(size);
  row_losses_.resize(static_cast<std::size_t>(settings.max_batch));
  row_hits_.resize(static_cast<std::size_t>(settings.max_batch));
}

template <typename Scalar>
void MatrixMlp<Scalar>::reset_optimizer() {
  std::fill(first_moments_.begin(), first_moments_.end(), Scalar{0});
  std::fill(second_moments_.begin(), second_moments_.end(), Scalar{0});
}

template <typename Scalar>
const Scalar* MatrixMlp<Scalar>::layer_input(const Batch<Scalar>& batch, std::ptrdiff_t layer) {
  return layer == 0 ? batch.features.data() : activations(layer - 1);
}

template <typename Scalar>
void MatrixMlp<Scalar>::forward(const Batch<Scalar>& batch, Range rows) {
  for (std::ptrdiff_t l = 0; l < layers(); ++l) {
    const auto [in, out, weight, bias, relu] = shape(l);
    const Scalar* input = layer_input(batch, l) + rows.begin * in;
    Scalar* output = activations(l) + rows.begin * out;
    gemm(Transpose::no, Transpose::yes, rows.size(), out, in, Scalar{1}, {input, in}, {parameters_.data() + weight, in},
         Scalar{0}, {output, out});
    add_bias(output, parameters_.data() + bias, rows.size(), out, relu);
  }
}

template <typename Scalar>
void MatrixMlp<Scalar>::loss(const Batch<Scalar>& batch, Range rows) {
  const std::ptrdiff_t last = layers() - 1, columns = outputs(last);
  for (std::ptrdiff_t b = rows.begin; b < rows.end; ++b) {
    const Scalar* output = activations(last) + b * columns;
    Scalar* gradient = deltas(last) + b * columns;
    const auto row = static_cast<std::size_t>(b);
    if (loss_ == Loss::squared_error) {
      const Scalar scale = Scalar{2} / static_cast<Scalar>(batch.size);
      row_losses_[row] = squared_error_row(output, batch.targets.data() + b * columns, columns, scale, gradient);
    } else {
      const Scalar scale = Scalar{1} / static_cast<Scalar>(batch.size);
      row_losses_[row] = cross_entropy_row(output, batch.labels[row], columns, scale, gradient);
    }
  }
  if (shape(last).relu) {
    mask_by_relu(deltas(last) + rows.begin * columns, activations(last) + rows.begin * columns, rows.size() * columns);
  }
}

template <typename Scalar>
void MatrixMlp<Scalar>::hits(const Batch<Scalar>& batch, Range rows) {
  if (batch.labels.empty()) return;
  const std::ptrdiff_t last = layers() - 1, columns = outputs(last);
  for (std::ptrdiff_t b = rows.begin; b < rows.end; ++b) {
    const auto row = static_cast<std::size_t>(b);
    row_hits_[row] = index_of_largest(activations(last) + b * columns, columns) == batch.labels[row] ? 1 : 0;
  }
}

template <typename Scalar>
void MatrixMlp<Scalar>::input_gradient(std::ptrdiff_t layer, Range rows) {
  const auto [in, out, weight, bias, relu] = shape(layer);
  Scalar* gradient = deltas(layer - 1) + rows.begin * in;
  gemm(Transpose::no, Transpose::no, rows.size(), in, out, Scalar{1}, {deltas(layer) + rows.begin * out, out},
       {parameters_.data() + weight, in}, Scalar{0}, {gradient, in});
  mask_by_relu(gradient, activations(layer - 1) + rows.begin * in, rows.size() * in);
}

template <typename Scalar>
void MatrixMlp<Scalar>::weight_gradient(const Batch<Scalar>& batch, std::ptrdiff_t layer, Range block) {
  const auto [in, out, weight, bias, relu] = shape(layer);
  const Scalar* delta = deltas(layer) + block.begin;
  gemm(Transpose::yes, Transpose::no, block.size(), in, batch.size, Scalar{1}, {delta, out},
       {layer_input(batch, layer), in}, Scalar{0}, {gradients_.data() + weight + block.begin * in, in});
  sum_rows(delta, batch.size, block.size(), out, gradients_.data() + bias + block.begin);
}

template <typename Scalar>
void MatrixMlp<Scalar>::update(std::ptrdiff_t layer, Range block, const OptimizerStep<Scalar>& rule) {
  const auto [in, out, weight, bias, relu] = shape(layer);
  const auto slice = [&](ParameterRole role, std::ptrdiff_t offset, std::ptrdiff_t count) {
    Scalar* first = first_moments_.empty() ? nullptr : first_moments_.data() + offset;
    Scalar* second = second_moments_.empty() ? nullptr : second_moments_.data() + offset;
    update_slice(rule, role, count, gradients_.data() + offset, parameters_.data() + offset, first, second);
  };
  slice(ParameterRole::matrix, weight + block.begin * in, block.size() * in);
  slice(ParameterRole::bias, bias + block.begin, block.size());
}

template <typename Scalar>
void MatrixMlp<Scalar>::fused_sgd(const Batch<Scalar>& batch, std::ptrdiff_t layer, Range block,
                                  const OptimizerStep<Scalar>& rule) {
  const auto [in, out, weight, bias, relu] = shape(layer);
  const Scalar* delta = deltas(layer) + block.begin;
  gemm(Transpose::yes, Transpose::no, block.size(), in, batch.size, -rule.learning_rate, {delta, out},
       {layer_input(batch, layer), in}, 1 - rule.learning_rate * rule.coupled_decay,
       {parameters_.data() + weight + block.begin * in, in});
  Scalar* bias_gradient = gradients_.data() + bias + block.begin;
  sum_rows(delta, batch.size, block.size(), out, bias_gradient);
  update_slice<Scalar>(rule, ParameterRole::bias, block.size(), bias_gradient, parameters_.data() + bias + block.begin,
                       nullptr, nullptr);
}

template <typename Scalar>
double MatrixMlp<Scalar>::gradient_sum_of_squares(std::ptrdiff_t layer, Range block) const {
  const auto [in, out, weight, bias, relu] = shape(layer);
  return sum_of_squares(gradients_.data() + weight + block.begin * in, block.size() * in) +
         sum_of_squares(gradients_.data() + bias + block.begin, block.size());
}

template <typename Scalar>
double MatrixMlp<Scalar>::loss(const Batch<Scalar>& batch) const {
  const double sum = std::accumulate(row_losses_.begin(), row_losses_.begin() + batch.size, 0.0);
  const double count = static_cast<double>(batch.size);
  return loss_ == Loss::squared_error ? sum / (count * static_cast<double>(outputs(layers() - 1))) : sum / count;
}

template <typename Scalar>
std::int64_t MatrixMlp<Scalar>::correct(const Batch<Scalar>& batch) const {
  if (batch.labels.empty()) return 0;
  return std::accumulate(row_hits_.begin(), row_hits_.begin() + batch.size, std::int64_t{0});
}

template class MatrixMlp<float>;
template class MatrixMlp<double>;

}  // namespace stepbench
