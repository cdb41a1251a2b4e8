#include "variants/kernels/row_major_weight.hpp"

#include <algorithm>

#include "variants/kernels/leaf_sum.hpp"

namespace stepbench {
namespace {

template <typename Scalar>
Scalar* at(Operand<Scalar> matrix, Range rows, Range columns) {
  return matrix.data + rows.begin * matrix.stride + columns.begin;
}

}  // namespace

template <typename Scalar>
std::unique_ptr<LinearWeight<Scalar>> Products<Scalar>::make_weight(const WeightSettings& settings) const {
  return std::make_unique<RowMajorWeight<Scalar>>(settings, ParameterRole::matrix, *this);
}

template <typename Scalar>
RowMajorWeight<Scalar>::RowMajorWeight(const WeightSettings& settings, ParameterRole role,
                                       const Products<Scalar>& products)
    : outputs_(settings.outputs),
      inputs_(settings.inputs),
      optimizer_(settings.optimizer),
      role_(role),
      products_(products),
      buffers_(static_cast<std::size_t>(outputs_ * inputs_), settings.optimizer),
      copy_(std::make_shared<Buffer<Scalar>>(static_cast<std::size_t>(products.copy_size(outputs_, inputs_)))) {}

template <typename Scalar>
bool RowMajorWeight<Scalar>::share_parameters(const LinearWeight<Scalar>& other) {
  const auto& same = static_cast<const RowMajorWeight&>(other);
  buffers_.share_parameters(same.buffers_);
  copy_ = same.copy_;
  return true;
}

template <typename Scalar>
void RowMajorWeight<Scalar>::read(Content content, Scalar* values) const {
  const Scalar* kept = buffers_.of(content);
  if (kept == nullptr) {
    std::fill_n(values, outputs_ * inputs_, Scalar{0});
  } else {
    std::copy_n(kept, outputs_ * inputs_, values);
  }
}

template <typename Scalar>
void RowMajorWeight<Scalar>::write(Content content, const Scalar* values) {
  if (Scalar* kept = buffers_.of(content)) std::copy_n(values, outputs_ * inputs_, kept);
  if (content != Content::parameters) return;
  update_copy({0, outputs_}, {0, inputs_});
  buffers_.clear_moments();
}

template <typename Scalar>
void RowMajorWeight<Scalar>::update_copy(Range outputs, Range inputs) {
  if (copy_->empty()) return;
  products_.update_copy(outputs, inputs, {buffers_.parameters(), inputs_}, outputs_, inputs_, copy_->data());
}

template <typename Scalar>
void RowMajorWeight<Scalar>::forward(const LinearForward<Scalar>& product, Range rows, Range outputs) const {
  multiply_forward(product, rows, outputs);
  finish_forward(product, rows, outputs);
}

template <typename Scalar>
void RowMajorWeight<Scalar>::multiply_forward(const LinearForward<Scalar>& product, Range rows, Range outputs) const {
  const Operand<Scalar> output{at(product.output, rows, outputs), product.output.stride};
  products_.multiply_transposed(rows.size(), outputs, Scalar{1},
                                {at(product.input, rows, {0, inputs_}), product.input.stride},
                                {{buffers_.parameters(), inputs_}, outputs_, inputs_, copy_->data()},
                                product.accumulate ? Scalar{1} : Scalar{0}, output);
}

template <typename Scalar>
void RowMajorWeight<Scalar>::finish_forward(const LinearForward<Scalar>& product, Range rows, Range outputs) const {
  if (product.bias == nullptr) return;
  for_dense_rows(rows, outputs, product.output.stride, [&](std::ptrdiff_t offset, std::ptrdiff_t count) {
    add_bias(product.output.data + offset, product.bias + outputs.begin, count, outputs.size(), product.relu);
  });
}

template <typename Scalar>
void RowMajorWeight<Scalar>::backward(const LinearBackward<Scalar>& product, Range rows, Range inputs) const {
  products_.multiply(Transpose::no, rows.size(), inputs.size(), outputs_, Scalar{1},
                     {at(product.output_gradient, rows, {0, outputs_}), product.output_gradient.stride},
                     {buffers_.parameters() + inputs.begin, inputs_}, Scalar{0},
                     {at(product.input_gradient, rows, inputs), product.input_gradient.stride});
  if (product.mask.data == nullptr) return;
  for_dense_runs(rows, inputs, product.input_gradient.stride, [&](std::ptrdiff_t offset, std::ptrdiff_t count) {
    mask_by_relu(product.input_gradient.data + offset, product.mask.data + offset, count);
  });
}

template <typename Scalar>
void RowMajorWeight<Scalar>::form_gradient(const LinearGradient<Scalar>& product, Range outputs, Range inputs) {
  sum_by_leaves<Scalar>(product.rows, product.leaf_rows, outputs.size(), inputs.size(),
                        {buffers_.gradients() + outputs.begin * inputs_ + inputs.begin, inputs_},
                        [&](Range rows, Operand<Scalar> sum) { form_gradient(product, rows, outputs, inputs, sum); });
}

template <typename Scalar>
void RowMajorWeight<Scalar>::form_gradient(const LinearGradient<Scalar>& product, Range rows, Range outputs,
                                           Range inputs, Operand<Scalar> sum) const {
  products_.multiply(Transpose::yes, outputs.size(), inputs.size(), rows.size(), Scalar{1},
                     {at(product.output_gradient, rows, outputs), product.output_gradient.stride},
                     {at(product.input, rows, inputs), product.input.stride}, Scalar{0}, sum);
}

template <typename Scalar>
void RowMajorWeight<Scalar>::update(const OptimizerStep<Scalar>& rule, Range outputs, Range inputs) {
  for_dense_runs(outputs, inputs, inputs_,
                 [&](std::ptrdiff_t offset, std::ptrdiff_t count) { buffers_.update(role_, offset, count, rule); });
  update_copy(outputs, inputs);
}

template <typename Scalar>
double RowMajorWeight<Scalar>::gradient_sum_of_squares(Range outputs, Range inputs) const {
  double sum = 0;
  for_dense_runs(outputs, inputs, inputs_, [&](std::ptrdiff_t offset, std::ptrdiff_t count) {
    sum += sum_of_squares(buffers_.gradients() + offset, count);
  });
  return sum;
}

/// W := (1 - lr wd) W - lr dY^T X is one product.
template <typename Scalar>
void RowMajorWeight<Scalar>::train(const LinearGradient<Scalar>& product, const OptimizerStep<Scalar>& rule,
                                   Range outputs, Range inputs) {
  products_.multiply(Transpose::yes, outputs.size(), inputs.size(), product.rows, -rule.learning_rate,
                     {product.output_gradient.data + outputs.begin, product.output_gradient.stride},
                     {product.input.data + inputs.begin, product.input.stride},
                     1 - rule.learning_rate * rule.coupled_decay,
                     {buffers_.parameters() + outputs.begin * inputs_ + inputs.begin, inputs_});
  update_copy(outputs, inputs);
}

template class Products<float>;
template class Products<double>;
template class RowMajorWeight<float>;
template class RowMajorWeight<double>;

}  // namespace stepbench
