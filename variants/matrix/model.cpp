#include "variants/matrix/model.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/error.hpp"
#include "variants/kernels/leaf_sum.hpp"

namespace stepbench {
namespace {

/// `mlp.up` of `blocks.3.mlp.up.weight`; `layers.0` of `layers.0.weight`.
std::string unit_name(std::string name) {
  constexpr std::string_view kBlocks = "blocks.";
  name.resize(name.rfind('.'));
  return name.starts_with(kBlocks) ? name.substr(name.find('.', kBlocks.size()) + 1) : name;
}

/// Part of a buffer to where it stands in canonical order; zeros where there is no buffer.
template <typename Scalar>
void copy_or_zero(const Scalar* from, std::ptrdiff_t offset, std::ptrdiff_t count, Scalar* to) {
  if (from == nullptr) {
    std::fill_n(to, count, Scalar{0});
  } else {
    std::copy_n(from + offset, count, to);
  }
}

}  // namespace

template <typename Scalar>
MatrixModel<Scalar>::MatrixModel(const NetworkSettings& settings, std::int64_t rows_per_sample,
                                 const Products<Scalar>& products)
    : rows_per_sample_(rows_per_sample), optimizer_(settings.training.optimizer), products_(products) {
  row_losses_.resize(static_cast<std::size_t>(settings.max_batch * rows_per_sample));
  row_hits_.resize(row_losses_.size());
}

template <typename Scalar>
std::ptrdiff_t MatrixModel<Scalar>::take_buffered(std::ptrdiff_t count) {
  return std::exchange(buffered_, buffered_ + count);
}

template <typename Scalar>
ParameterUnit<Scalar>& MatrixModel<Scalar>::add(LayoutCursor& layout, bool has_bias) {
  const ParameterTensor& weight = layout.next();
  units_.push_back({.name = unit_name(weight.name),
                    .role = weight.role,
                    .rows = weight.shape[0],
                    .columns = weight.shape.size() > 1 ? weight.shape[1] : 1,
                    .canonical_weight = weight.offset,
                    .linear = nullptr});
  ParameterUnit<Scalar>& unit = units_.back();
  if (has_bias) {
    unit.canonical_bias = layout.next().offset;
    unit.bias = take_buffered(unit.rows);
  }
  return unit;
}

template <typename Scalar>
const ParameterUnit<Scalar>& MatrixModel<Scalar>::describe_unit(LayoutCursor& layout) {
  ParameterUnit<Scalar>& unit = add(layout, /*has_bias=*/false);
  unit.canonical_bias = layout.next().offset;
  return unit;
}

template <typename Scalar>
std::size_t MatrixModel<Scalar>::add_unit(LayoutCursor& layout, bool has_bias) {
  ParameterUnit<Scalar>& unit = add(layout, has_bias);
  unit.weight = take_buffered(unit.rows * unit.columns);
  return units_.size() - 1;
}

template <typename Scalar>
std::size_t MatrixModel<Scalar>::add_linear(LayoutCursor& layout, bool has_bias, bool input_gradient) {
  const std::size_t number = add_linear(layout, has_bias, nullptr);
  ParameterUnit<Scalar>& unit = units_[number];
  unit.linear = products_.make_weight(
      {.outputs = unit.rows, .inputs = unit.columns, .optimizer = optimizer_, .input_gradient = input_gradient});
  return number;
}

template <typename Scalar>
std::size_t MatrixModel<Scalar>::add_linear(LayoutCursor& layout, bool has_bias,
                                            std::unique_ptr<LinearWeight<Scalar>> weight) {
  add(layout, has_bias).linear = std::move(weight);
  return units_.size() - 1;
}

template <typename Scalar>
void MatrixModel<Scalar>::make_buffers() {
  buffers_ = ParameterBuffers<Scalar>(static_cast<std::size_t>(buffered_), optimizer_);
}

template <typename Scalar>
void MatrixModel<Scalar>::share_parameters(const MatrixModel& other) {
  for (std::size_t i = 0; i < units_.size(); ++i) {
    if (units_[i].linear == nullptr) continue;
    if (!units_[i].linear->share_parameters(*other.units_[i].linear)) {
      throw Error("these products have no weights that networks can share");
    }
  }
  buffers_.share_parameters(other.buffers_);
}

template <typename Scalar>
void MatrixModel<Scalar>::read(Content content, std::span<Scalar> values) const {
  const Scalar* kept = buffers_.of(content);
  for (const ParameterUnit<Scalar>& unit : units_) {
    Scalar* weight = values.data() + unit.canonical_weight;
    if (unit.linear != nullptr) {
      unit.linear->read(content, weight);
    } else {
      copy_or_zero(kept, unit.weight, unit.rows * unit.columns, weight);
    }
    if (unit.bias >= 0) copy_or_zero(kept, unit.bias, unit.rows, values.data() + unit.canonical_bias);
  }
}

template <typename Scalar>
void MatrixModel<Scalar>::write(Content content, std::span<const Scalar> values) {
  Scalar* kept = buffers_.of(content);
  for (const ParameterUnit<Scalar>& unit : units_) {
    const Scalar* weight = values.data() + unit.canonical_weight;
    if (unit.linear != nullptr) {
      unit.linear->write(content, weight);
    } else if (kept != nullptr) {
      std::copy_n(weight, unit.rows * unit.columns, kept + unit.weight);
    }
    if (unit.bias >= 0 && kept != nullptr) {
      std::copy_n(values.data() + unit.canonical_bias, unit.rows, kept + unit.bias);
    }
  }
  if (content == Content::parameters) buffers_.clear_moments();
}

template <typename Scalar>
void MatrixModel<Scalar>::update(std::size_t number, Range rows, Range columns, const OptimizerStep<Scalar>& rule) {
  const ParameterUnit<Scalar>& unit = units_[number];
  if (unit.linear != nullptr) {
    unit.linear->update(rule, rows, columns);
  } else {
    for_dense_runs(rows, columns, unit.columns, [&](std::ptrdiff_t offset, std::ptrdiff_t count) {
      buffers_.update(unit.role, unit.weight + offset, count, rule);
    });
  }
  if (unit.bias >= 0 && columns.begin == 0) {
    buffers_.update(ParameterRole::bias, unit.bias + rows.begin, rows.size(), rule);
  }
}

template <typename Scalar>
double MatrixModel<Scalar>::gradient_sum_of_squares(std::size_t number, Range rows, Range columns) const {
  const ParameterUnit<Scalar>& unit = units_[number];
  double sum = 0;
  if (unit.linear != nullptr) {
    sum = unit.linear->gradient_sum_of_squares(rows, columns);
  } else {
    for_dense_runs(rows, columns, unit.columns, [&](std::ptrdiff_t offset, std::ptrdiff_t count) {
      sum += sum_of_squares(buffers_.gradients() + unit.weight + offset, count);
    });
  }
  if (unit.bias >= 0 && columns.begin == 0) {
    sum += sum_of_squares(buffers_.gradients() + unit.bias + rows.begin, rows.size());
  }
  return sum;
}

template <typename Scalar>
bool MatrixModel<Scalar>::sums_by_leaves() const {
  return std::ranges::all_of(units_, [](const ParameterUnit<Scalar>& unit) {
    return unit.linear == nullptr || unit.linear->sums_by_leaves();
  });
}

template <typename Scalar>
std::vector<std::span<Scalar>> MatrixModel<Scalar>::gradient_memory() {
  std::vector<std::span<Scalar>> parts;
  for (const ParameterUnit<Scalar>& unit : units_) {
    parts.push_back(unit.linear == nullptr ? std::span<Scalar>() : unit.linear->gradient_memory());
  }
  parts.emplace_back(buffers_.gradients(), static_cast<std::size_t>(buffered_));
  return parts;
}

template <typename Scalar>
bool MatrixModel<Scalar>::trains_in_one(std::size_t number) const {
  const ParameterUnit<Scalar>& unit = units_[number];
  return unit.linear != nullptr && unit.linear->trains_in_one();
}

template <typename Scalar>
void MatrixModel<Scalar>::sum_bias_gradient(const ParameterUnit<Scalar>& unit, Range rows,
                                            const LinearGradient<Scalar>& product) {
  const Operand<const Scalar>& dy = product.output_gradient;
  sum_by_leaves<Scalar>(product.rows, product.leaf_rows, 1, rows.size(),
                        {gradient(unit.bias + rows.begin), rows.size()}, [&](Range some, Operand<Scalar> sum) {
                          sum_rows(dy.data + some.begin * dy.stride + rows.begin, some.size(), rows.size(), dy.stride,
                                   sum.data);
                        });
}

template <typename Scalar>
void MatrixModel<Scalar>::form_linear_gradient(std::size_t number, Range rows, Range columns,
                                               const LinearGradient<Scalar>& product) {
  const ParameterUnit<Scalar>& unit = units_[number];
  unit.linear->form_gradient(product, rows, columns);
  if (unit.bias >= 0 && columns.begin == 0) sum_bias_gradient(unit, rows, product);
}

template <typename Scalar>
void MatrixModel<Scalar>::train_linear(std::size_t number, Range rows, Range columns,
                                       const LinearGradient<Scalar>& product, const OptimizerStep<Scalar>& rule) {
  const ParameterUnit<Scalar>& unit = units_[number];
  unit.linear->train(product, rule, rows, columns);
  if (unit.bias < 0 || columns.begin != 0) return;
  sum_bias_gradient(unit, rows, product);
  buffers_.update(ParameterRole::bias, unit.bias + rows.begin, rows.size(), rule);
}

template <typename Scalar>
double MatrixModel<Scalar>::loss(const Batch<Scalar>& batch) const {
  double loss = 0;
  sum_by_leaves<double>(
      batch.size * rows_per_sample_, leaf_rows(batch), 1, 1, {&loss, 1}, [&](Range rows, Operand<double> sum) {
        const double all = std::accumulate(row_losses_.begin() + rows.begin, row_losses_.begin() + rows.end, 0.0);
        *sum.data = all / (static_cast<double>(batch.counted) * outputs_per_loss_);
      });
  return loss;
}

template <typename Scalar>
std::int64_t MatrixModel<Scalar>::correct(const Batch<Scalar>& batch) const {
  return std::accumulate(row_hits_.begin(), row_hits_.begin() + batch.size * rows_per_sample_, std::int64_t{0});
}

template class MatrixModel<float>;
template class MatrixModel<double>;

}  // namespace stepbench
