// A weight in the panels of kernels/fused_product.hpp: what follows a product is done while its result is in registers,
// and no gradient goes to memory but where it is asked for.
#pragma once

#include <memory>

#include "variants/kernels/linear_weight.hpp"

namespace stepbench {

template <typename Scalar>
[[nodiscard]] std::unique_ptr<LinearWeight<Scalar>> make_panel_weight(const WeightSettings& settings);

}  // namespace stepbench
