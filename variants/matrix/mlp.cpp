#include "variants/matrix/mlp.hpp"

#include <utility>

namespace stepbench {

template <typename Scalar>
MatrixMlp<Scalar>::MatrixMlp(const NetworkSettings& settings, const Products<Scalar>& products)
    : MatrixModel<Scalar>(settings, /*rows_per_sample=*/1, products), output_loss_(settings.model) {
  const ParameterLayout layout = parameter_layout(settings.model);
  for (LayoutCursor cursor(layout); !cursor.at_end();) {
    const std::size_t layer = this->add_linear(cursor, /*has_bias=*/true, /*input_gradient=*/!layers_.empty());
    const std::ptrdiff_t stride = products.row_stride(this->units_[layer].rows);
    const auto elements = static_cast<std::size_t>(settings.max_batch * stride);
    layers_.push_back({stride, Buffer<Scalar>(elements), Buffer<Scalar>(elements)});
  }
  this->make_buffers();
  this->outputs_per_loss_ = output_loss_.outputs_per_loss();
}

template <typename Scalar>
bool MatrixMlp<Scalar>::has_relu(std::size_t layer) const {
  return layer + 1 < this->units_.size() || output_loss_.has_relu();
}

template <typename Scalar>
Operand<const Scalar> MatrixMlp<Scalar>::layer_input(const Batch<Scalar>& batch, std::size_t layer) const {
  if (layer > 0) return layers_[layer - 1].a();
  return {batch.features.data(), this->units_[0].columns};
}

template <typename Scalar>
LinearGradient<Scalar> MatrixMlp<Scalar>::layer_gradient(const Batch<Scalar>& batch, std::size_t layer) const {
  return {layers_[layer].d(), layer_input(batch, layer), batch.size, this->leaf_rows(batch)};
}

template <typename Scalar>
void MatrixMlp<Scalar>::forward(Lane<Scalar>& lane) {
  for (std::size_t l = 0; l < this->units_.size(); ++l) {
    const ParameterUnit<Scalar>& unit = this->units_[l];
    lane.product(Phase::forward, "forward of " + unit.name, unit.rows, unit.columns,
                 [this, l, &unit](const StepInputs<Scalar>& inputs, Range rows, Range columns) {
                   unit.linear->forward({.input = layer_input(*inputs.batch, l),
                                         .output = layers_[l].a(),
                                         .bias = this->parameter(unit.bias),
                                         .relu = has_relu(l)},
                                        rows, columns);
                 });
  }
  lane.rows(Phase::loss, "loss",
            [this](const StepInputs<Scalar>& inputs, Range rows) { row_losses(*inputs.batch, rows); });
}

template <typename Scalar>
void MatrixMlp<Scalar>::row_losses(const Batch<Scalar>& batch, Range rows) {
  LayerRows& last = layers_.back();
  for (std::ptrdiff_t b = rows.begin; b < rows.end; ++b) {
    const std::ptrdiff_t begin = b * last.stride;
    this->row_losses_[static_cast<std::size_t>(b)] =
        output_loss_(batch, b, last.activations.data() + begin, last.deltas.data() + begin);
  }
}

template <typename Scalar>
void MatrixMlp<Scalar>::hits(Lane<Scalar>& lane) {
  lane.rows(Phase::loss, "hits",
            [this](const StepInputs<Scalar>& inputs, Range rows) { row_hits(*inputs.batch, rows); });
}

template <typename Scalar>
void MatrixMlp<Scalar>::row_hits(const Batch<Scalar>& batch, Range rows) {
  const LayerRows& last = layers_.back();
  for (std::ptrdiff_t b = rows.begin; b < rows.end; ++b) {
    this->row_hits_[static_cast<std::size_t>(b)] =
        output_loss_.is_hit(batch, b, last.activations.data() + b * last.stride) ? 1 : 0;
  }
}

template <typename Scalar>
void MatrixMlp<Scalar>::backward(std::ptrdiff_t stage, Lane<Scalar>& lane) {
  const auto layer = static_cast<std::size_t>(stage);
  const ParameterUnit<Scalar>& unit = this->units_[layer];
  if (layer > 0) {  // nothing below wants the first layer's input gradient
    lane.product(Phase::backward, "dX of " + unit.name, unit.columns, unit.rows,
                 [this, layer, &unit](const StepInputs<Scalar>&, Range rows, Range columns) {
                   unit.linear->backward({.output_gradient = std::as_const(layers_[layer]).d(),
                                          .input_gradient = layers_[layer - 1].d(),
                                          .mask = std::as_const(layers_[layer - 1]).a()},
                                         rows, columns);
                 });
  }
  lane.release(layer);
}

template <typename Scalar>
void MatrixMlp<Scalar>::form_gradient(const Batch<Scalar>& batch, std::size_t layer, Range rows, Range columns) {
  this->form_linear_gradient(layer, rows, columns, layer_gradient(batch, layer));
}

template <typename Scalar>
void MatrixMlp<Scalar>::train(const Batch<Scalar>& batch, std::size_t layer, Range rows, Range columns,
                              const OptimizerStep<Scalar>& rule) {
  this->train_linear(layer, rows, columns, layer_gradient(batch, layer), rule);
}

template class MatrixMlp<float>;
template class MatrixMlp<double>;

}  // namespace stepbench
