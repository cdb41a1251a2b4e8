// Which kernel the loss of a row with a label is.
#pragma once

#include <cstddef>
#include <cstdint>

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

}  // namespace stepbench
