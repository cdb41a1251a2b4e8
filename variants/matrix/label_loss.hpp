// Which kernel the loss of a row with a label is, and the loss of a row of an MLP's outputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/batch.hpp"
#include "core/settings.hpp"
#include "variants/kernels/kernels.hpp"

namespace stepbench {

/// As cross_entropy_row.
template <typename Scalar>
using LabelLoss = double (*)(const Scalar* logits, std::int32_t label, std::ptrdiff_t columns, Scalar scale,
                             Scalar* gradient);

/// `usual`: of softmax in the trial's own precision.
template <typename Scalar>
[[nodiscard]] LabelLoss<Scalar> label_loss_of(const ModelSettings& model, LabelLoss<Scalar> usual) {
  if (model.loss == Loss::stablemax_cross_entropy) return stablemax_cross_entropy_row<Scalar>;
  if (model.softmax == Precision::bfloat16) return cross_entropy_row_in_bfloat16<Scalar>;
  return model.softmax == Precision::float64 ? cross_entropy_row_in_double<Scalar> : usual;
}

/// Of an MLP with K outputs.
template <typename Scalar>
class OutputLoss {
 public:
  explicit OutputLoss(const ModelSettings& model)
      : loss_(model.loss),
        label_loss_(label_loss_of<Scalar>(model, cross_entropy_row<Scalar>)),
        relu_(model.output == OutputActivation::relu),
        columns_(static_cast<std::size_t>(model.layers.back())) {}

  /// Whether the outputs are those of a ReLU.
  [[nodiscard]] bool has_relu() const { return relu_; }
  /// Elements that a row's recorded loss is a mean over.
  [[nodiscard]] double outputs_per_loss() const {
    return loss_ == Loss::squared_error ? static_cast<double>(columns_) : 1;
  }
  /// The loss of a row of the batch by its `outputs` (K); `gradient` (K): of the objective by what goes into the ReLU,
  /// where there is one.
  double operator()(const Batch<Scalar>& batch, std::ptrdiff_t row, const Scalar* outputs, Scalar* gradient) const {
    const auto columns = static_cast<std::ptrdiff_t>(columns_);
    const auto counted = static_cast<Scalar>(batch.counted);
    const double loss =
        loss_ == Loss::squared_error
            ? squared_error_row(outputs, batch.targets.data() + row * columns, columns, Scalar{2} / counted, gradient)
            : label_loss_(outputs, batch.labels[static_cast<std::size_t>(row)], columns, Scalar{1} / counted, gradient);
    if (relu_) mask_by_relu(gradient, outputs, columns);
    return loss;
  }
  /// Whether the row's largest output is its label's; no in a batch without labels.
  [[nodiscard]] bool is_hit(const Batch<Scalar>& batch, std::ptrdiff_t row, const Scalar* outputs) const {
    return !batch.labels.empty() &&
           largest_is_at(std::span(outputs, columns_), batch.labels[static_cast<std::size_t>(row)]);
  }

 private:
  Loss loss_;
  LabelLoss<Scalar> label_loss_;  // where it is not squared_error
  bool relu_;
  std::size_t columns_;
};

}  // namespace stepbench
