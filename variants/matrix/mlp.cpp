#include "variants/matrix/mlp.hpp"

namespace stepbench {

template <typename Scalar>
MatrixMlp<Scalar>::MatrixMlp(const NetworkSettings& settings, const Products<Scalar>& products)
    : MatrixModel<Scalar>(settings, /*rows_per_sample=*/1, products),
      loss_(settings.model.loss),
      output_(settings.model.output) {
  const ParameterLayout layout = parameter_layout(settings.model);
  for (LayoutCursor cursor(layout); !cursor.at_end();) {
    ParameterUnit& unit = this->units_[this->add_unit(cursor, /*has_bias=*/true)];
    this->keep_copy(unit);
    const auto elements = static_cast<std::size_t>(settings.max_batch * unit.rows);
    activations_.emplace_back(elements);
    deltas_.emplace_back(elements);
  }
  if (loss_ == Loss::squared_error) this->outputs_per_loss_ = static_cast<double>(settings.model.layers.back());
}

template <typename Scalar>
bool MatrixMlp<Scalar>::has_relu(std::size_t layer) const {
  return layer + 1 < this->units_.size() || output_ == OutputActivation::relu;
}

template <typename Scalar>
const Scalar* MatrixMlp<Scalar>::layer_input(const Batch<Scalar>& batch, std::size_t layer) const {
  return layer == 0 ? batch.features.data() : activations_[layer - 1].data();
}

template <typename Scalar>
void MatrixMlp<Scalar>::layer_forward(const Batch<Scalar>& batch, std::size_t layer, Range rows, Range columns) {
  const ParameterUnit& unit = this->units_[layer];
  Scalar* output = activations_[layer].data();
  this->project(unit, layer_input(batch, layer), Scalar{0}, output, rows, columns);
  const Scalar* bias = this->parameter(unit.bias) + columns.begin;
  for_dense_rows(rows, columns, unit.rows, [&](std::ptrdiff_t offset, std::ptrdiff_t count) {
    add_bias(output + offset, bias, count, columns.size(), has_relu(layer));
  });
}

template <typename Scalar>
void MatrixMlp<Scalar>::forward(Lane<Scalar>& lane) {
  for (std::size_t l = 0; l < this->units_.size(); ++l) {
    const ParameterUnit& unit = this->units_[l];
    lane.product(Phase::forward, "forward of " + unit.name, unit.rows, unit.columns,
                 [this, l](const StepInputs<Scalar>& inputs, Range rows, Range columns) {
                   layer_forward(*inputs.batch, l, rows, columns);
                 });
  }
  lane.rows(Phase::loss, "loss",
            [this](const StepInputs<Scalar>& inputs, Range rows) { row_losses(*inputs.batch, rows); });
}

template <typename Scalar>
void MatrixMlp<Scalar>::row_losses(const Batch<Scalar>& batch, Range rows) {
  const std::size_t last = this->units_.size() - 1;
  const std::ptrdiff_t columns = this->units_[last].rows;
  const Scalar* outputs = activations_[last].data();
  Scalar* gradients = deltas_[last].data();
  for (std::ptrdiff_t b = rows.begin; b < rows.end; ++b) {
    const auto row = static_cast<std::size_t>(b);
    const Scalar* output = outputs + b * columns;
    Scalar* gradient = gradients + b * columns;
    if (loss_ == Loss::squared_error) {
      const Scalar scale = Scalar{2} / static_cast<Scalar>(batch.counted);
      this->row_losses_[row] = squared_error_row(output, batch.targets.data() + b * columns, columns, scale, gradient);
    } else {
      const Scalar scale = Scalar{1} / static_cast<Scalar>(batch.counted);
      this->row_losses_[row] = cross_entropy_row(output, batch.labels[row], columns, scale, gradient);
    }
  }
  if (has_relu(last)) {
    mask_by_relu(gradients + rows.begin * columns, outputs + rows.begin * columns, rows.size() * columns);
  }
}

template <typename Scalar>
void MatrixMlp<Scalar>::hits(Lane<Scalar>& lane) {
  lane.rows(Phase::loss, "hits",
            [this](const StepInputs<Scalar>& inputs, Range rows) { row_hits(*inputs.batch, rows); });
}

template <typename Scalar>
void MatrixMlp<Scalar>::row_hits(const Batch<Scalar>& batch, Range rows) {
  const auto columns = static_cast<std::size_t>(this->units_.back().rows);
  for (auto row = static_cast<std::size_t>(rows.begin); row < static_cast<std::size_t>(rows.end); ++row) {
    const std::span<const Scalar> outputs(activations_.back().data() + row * columns, columns);
    this->row_hits_[row] = !batch.labels.empty() && largest_is_at(outputs, batch.labels[row]) ? 1 : 0;
  }
}

template <typename Scalar>
void MatrixMlp<Scalar>::layer_backward(std::size_t layer, Range rows, Range columns) {
  const ParameterUnit& unit = this->units_[layer];
  Scalar* gradient = deltas_[layer - 1].data();
  const Scalar* activation = activations_[layer - 1].data();
  this->project_back(unit, deltas_[layer].data(), gradient, rows, columns);
  for_dense_runs(rows, columns, unit.columns, [&](std::ptrdiff_t offset, std::ptrdiff_t count) {
    mask_by_relu(gradient + offset, activation + offset, count);
  });
}

template <typename Scalar>
void MatrixMlp<Scalar>::backward(std::ptrdiff_t stage, Lane<Scalar>& lane) {
  const auto layer = static_cast<std::size_t>(stage);
  const ParameterUnit& unit = this->units_[layer];
  if (layer > 0) {  // nothing below wants the first layer's input gradient
    lane.product(
        Phase::backward, "dX of " + unit.name, unit.columns, unit.rows,
        [this, layer](const StepInputs<Scalar>&, Range rows, Range columns) { layer_backward(layer, rows, columns); });
  }
  lane.release(layer);
}

template <typename Scalar>
void MatrixMlp<Scalar>::weight_gradient(const Batch<Scalar>& batch, std::size_t layer, Range rows, Range columns) {
  this->linear_gradient(this->units_[layer], rows, columns, deltas_[layer].data(), layer_input(batch, layer),
                        batch.size);
}

template <typename Scalar>
void MatrixMlp<Scalar>::fused_sgd(const Batch<Scalar>& batch, std::size_t layer, Range rows, Range columns,
                                  const OptimizerStep<Scalar>& step) {
  this->fused_linear_sgd(this->units_[layer], rows, columns, deltas_[layer].data(), layer_input(batch, layer),
                         batch.size, step);
}

template class MatrixMlp<float>;
template class MatrixMlp<double>;

}  // namespace stepbench
