#include "variants/matrix/model.hpp"

#include <algorithm>
#include <string_view>

namespace stepbench {

template <typename Scalar>
MatrixModel<Scalar>::MatrixModel(const NetworkSettings& settings, std::int64_t rows_per_sample,
                                 const Products<Scalar>& products)
    : rows_per_sample_(rows_per_sample), products_(products) {
  const auto size = static_cast<std::size_t>(parameter_layout(settings.model).size);
  const Optimizer optimizer = settings.training.optimizer;
  parameters_.resize(size);
  gradients_.resize(size);
  if (optimizer != Optimizer::sgd) first_moments_.resize(size);
  if (optimizer == Optimizer::adam || optimizer == Optimizer::adamw) second_moments_.resize(size);
  row_losses_.resize(static_cast<std::size_t>(settings.max_batch * rows_per_sample));
  row_hits_.resize(row_losses_.size());
}

/// `mlp.up` of `blocks.3.mlp.up.weight`; `layers.0` of `layers.0.weight`.
static std::string unit_name(std::string name) {
  constexpr std::string_view kBlocks = "blocks.";
  name.resize(name.rfind('.'));
  return name.starts_with(kBlocks) ? name.substr(name.find('.', kBlocks.size()) + 1) : name;
}

template <typename Scalar>
std::size_t MatrixModel<Scalar>::add_unit(LayoutCursor& layout, bool has_bias) {
  const ParameterTensor& weight = layout.next();
  units_.push_back({.name = unit_name(weight.name),
                    .role = weight.role,
                    .rows = weight.shape[0],
                    .columns = weight.shape.size() > 1 ? weight.shape[1] : 1,
                    .weight = weight.offset,
                    .bias = has_bias ? layout.next().offset : -1});
  return units_.size() - 1;
}

template <typename Scalar>
void MatrixModel<Scalar>::keep_copy(ParameterUnit& unit) {
  const std::ptrdiff_t size = products_.copy_size(unit.rows, unit.columns);
  if (size == 0) return;
  unit.copy = std::ssize(copies_);
  copies_.emplace_back(static_cast<std::size_t>(size));
}

template <typename Scalar>
void MatrixModel<Scalar>::update_copy(const ParameterUnit& unit, Range rows, Range columns) {
  if (unit.copy < 0) return;
  products_.update_copy(rows, columns, {parameter(unit.weight), unit.columns}, unit.rows, unit.columns,
                        copies_[static_cast<std::size_t>(unit.copy)].data());
}

template <typename Scalar>
void MatrixModel<Scalar>::read(Content content, std::span<Scalar> values) const {
  const Buffer<Scalar>& kept = content_of(*this, content);
  if (kept.empty()) {
    std::fill(values.begin(), values.end(), Scalar{0});
  } else {
    std::copy(kept.begin(), kept.end(), values.begin());
  }
}

template <typename Scalar>
void MatrixModel<Scalar>::write(Content content, std::span<const Scalar> values) {
  Buffer<Scalar>& kept = content_of(*this, content);
  if (!kept.empty()) std::copy(values.begin(), values.end(), kept.begin());
  if (content != Content::parameters) return;
  for (const ParameterUnit& unit : units_) update_copy(unit, {0, unit.rows}, {0, unit.columns});
  std::fill(first_moments_.begin(), first_moments_.end(), Scalar{0});
  std::fill(second_moments_.begin(), second_moments_.end(), Scalar{0});
}

template <typename Scalar>
void MatrixModel<Scalar>::update_parameters(ParameterRole role, std::ptrdiff_t offset, std::ptrdiff_t count,
                                            const OptimizerStep<Scalar>& step) {
  Scalar* first = first_moments_.empty() ? nullptr : first_moments_.data() + offset;
  Scalar* second = second_moments_.empty() ? nullptr : second_moments_.data() + offset;
  update_slice(step, role, count, gradients_.data() + offset, parameters_.data() + offset, first, second);
}

template <typename Scalar>
void MatrixModel<Scalar>::update(std::size_t number, Range rows, Range columns, const OptimizerStep<Scalar>& step) {
  const ParameterUnit& unit = units_[number];
  for_dense_runs(rows, columns, unit.columns, [&](std::ptrdiff_t offset, std::ptrdiff_t count) {
    update_parameters(unit.role, unit.weight + offset, count, step);
  });
  update_copy(unit, rows, columns);
  if (unit.bias >= 0 && columns.begin == 0) {
    update_parameters(ParameterRole::bias, unit.bias + rows.begin, rows.size(), step);
  }
}

template <typename Scalar>
double MatrixModel<Scalar>::gradient_sum_of_squares(std::size_t number, Range rows, Range columns) const {
  const ParameterUnit& unit = units_[number];
  double sum = 0;
  for_dense_runs(rows, columns, unit.columns, [&](std::ptrdiff_t offset, std::ptrdiff_t count) {
    sum += sum_of_squares(gradients_.data() + unit.weight + offset, count);
  });
  if (unit.bias >= 0 && columns.begin == 0) {
    sum += sum_of_squares(gradients_.data() + unit.bias + rows.begin, rows.size());
  }
  return sum;
}

template <typename Scalar>
void MatrixModel<Scalar>::project(const ParameterUnit& unit, const Scalar* inputs, Scalar beta, Scalar* outputs,
                                  Range rows, Range columns) const {
  const Scalar* copy = unit.copy < 0 ? nullptr : copies_[static_cast<std::size_t>(unit.copy)].data();
  products_.multiply_transposed(rows.size(), columns, Scalar{1}, {inputs + rows.begin * unit.columns, unit.columns},
                                {{parameter(unit.weight), unit.columns}, unit.rows, unit.columns, copy}, beta,
                                {outputs + rows.begin * unit.rows + columns.begin, unit.rows});
}

template <typename Scalar>
void MatrixModel<Scalar>::project_back(const ParameterUnit& unit, const Scalar* output_gradient, Scalar* input_gradient,
                                       Range rows, Range columns) const {
  products_.multiply(Transpose::no, rows.size(), columns.size(), unit.rows, Scalar{1},
                     {output_gradient + rows.begin * unit.rows, unit.rows},
                     {parameter(unit.weight) + columns.begin, unit.columns}, Scalar{0},
                     {input_gradient + rows.begin * unit.columns + columns.begin, unit.columns});
}

template <typename Scalar>
void MatrixModel<Scalar>::linear_gradient(const ParameterUnit& unit, Range rows, Range columns,
                                          const Scalar* output_gradient, const Scalar* input, std::ptrdiff_t count) {
  const Scalar* delta = output_gradient + rows.begin;
  products_.multiply(Transpose::yes, rows.size(), columns.size(), count, Scalar{1}, {delta, unit.rows},
                     {input + columns.begin, unit.columns}, Scalar{0},
                     {gradient(unit.weight + rows.begin * unit.columns + columns.begin), unit.columns});
  if (unit.bias >= 0 && columns.begin == 0) {
    sum_rows(delta, count, rows.size(), unit.rows, gradient(unit.bias + rows.begin));
  }
}

template <typename Scalar>
void MatrixModel<Scalar>::fused_linear_sgd(const ParameterUnit& unit, Range rows, Range columns,
                                           const Scalar* output_gradient, const Scalar* input, std::ptrdiff_t count,
                                           const OptimizerStep<Scalar>& step) {
  const Scalar* delta = output_gradient + rows.begin;
  products_.multiply(Transpose::yes, rows.size(), columns.size(), count, -step.learning_rate, {delta, unit.rows},
                     {input + columns.begin, unit.columns}, 1 - step.learning_rate * step.coupled_decay,
                     {mutable_parameter(unit.weight + rows.begin * unit.columns + columns.begin), unit.columns});
  update_copy(unit, rows, columns);
  if (unit.bias < 0 || columns.begin != 0) return;
  sum_rows(delta, count, rows.size(), unit.rows, gradient(unit.bias + rows.begin));
  update_parameters(ParameterRole::bias, unit.bias + rows.begin, rows.size(), step);
}

template <typename Scalar>
double MatrixModel<Scalar>::loss(const Batch<Scalar>& batch) const {
  const double sum = std::accumulate(row_losses_.begin(), row_losses_.begin() + batch.size * rows_per_sample_, 0.0);
  return sum / (static_cast<double>(batch.counted) * outputs_per_loss_);
}

template <typename Scalar>
std::int64_t MatrixModel<Scalar>::correct(const Batch<Scalar>& batch) const {
  return std::accumulate(row_hits_.begin(), row_hits_.begin() + batch.size * rows_per_sample_, std::int64_t{0});
}

template class MatrixModel<float>;
template class MatrixModel<double>;

}  // namespace stepbench
