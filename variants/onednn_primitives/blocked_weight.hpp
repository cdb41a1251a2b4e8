// A weight that lies as oneDNN's inner product wants it, forward and backward, with its gradient and moments in the
// same form: nothing is copied from step to step.
#pragma once

#include <memory>

#include "variants/kernels/linear_weight.hpp"

namespace stepbench {

/// For a cut that leaves a weight whole: a part of its outputs or inputs is refused with an Error.
[[nodiscard]] std::unique_ptr<LinearWeight<float>> make_blocked_weight(const WeightSettings& settings);

}  // namespace stepbench
