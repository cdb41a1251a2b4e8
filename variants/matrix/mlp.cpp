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
    unit.stage = std::ssize(this->units_) - 1;
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
void MatrixMlp<Scalar>::forward(const Batch<Scalar>& batch, Range rows) {
  for (std::size_t l = 0; l < this->units_.size(); ++l) {
    const ParameterUnit& unit = this->units_[l];
    const Scalar* input = layer_input(batch, l) + rows.begin * unit.columns;
    Scalar* output = activations_[l].data() + rows.begin * unit.rows;
    this->project(unit, input, Scalar{0}, output, rows.size());
    add_bias(output, this->parameter(unit.bias), rows.size(), unit.rows, has_relu(l));
  }
}

template <typename Scalar>
void MatrixMlp<Scalar>::loss(const Batch<Scalar>& batch, Range rows) {
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
void MatrixMlp<Scalar>::hits(const Batch<Scalar>& batch, Range rows) {
  const auto columns = static_cast<std::size_t>(this->units_.back().rows);
  for (auto row = static_cast<std::size_t>(rows.begin); row < static_cast<std::size_t>(rows.end); ++row) {
    const std::span<const Scalar> outputs(activations_.back().data() + row * columns, columns);
    this->row_hits_[row] = !batch.labels.empty() && largest_is_at(outputs, batch.labels[row]) ? 1 : 0;
  }
}

template <typename Scalar>
void MatrixMlp<Scalar>::backward(std::ptrdiff_t stage, const Batch<Scalar>&, Range rows) {
  if (stage == 0) return;  // nothing below wants the first layer's input gradient
  const auto layer = static_cast<std::size_t>(stage);
  const ParameterUnit& unit = this->units_[layer];
  Scalar* gradient = deltas_[layer - 1].data() + rows.begin * unit.columns;
  this->project_back(unit, deltas_[layer].data() + rows.begin * unit.rows, gradient, rows.size());
  mask_by_relu(gradient, activations_[layer - 1].data() + rows.begin * unit.columns, rows.size() * unit.columns);
}

template <typename Scalar>
void MatrixMlp<Scalar>::weight_gradient(const Batch<Scalar>& batch, std::size_t layer, Range outputs) {
  this->linear_gradient(this->units_[layer], outputs, deltas_[layer].data(), layer_input(batch, layer), batch.size);
}

template <typename Scalar>
void MatrixMlp<Scalar>::fused_sgd(const Batch<Scalar>& batch, std::size_t layer, Range outputs,
                                  const OptimizerStep<Scalar>& step) {
  this->fused_linear_sgd(this->units_[layer], outputs, deltas_[layer].data(), layer_input(batch, layer), batch.size,
                         step);
}

template class MatrixMlp<float>;
template class MatrixMlp<double>;

}  // namespace stepbench
