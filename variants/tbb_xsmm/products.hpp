// Matrix products in tiles, each a call of a kernel that libxsmm generates for its shape. A weight's transposed copy is
// kept from step to step.
#pragma once

#include <string>

#include "variants/kernels/products.hpp"

namespace stepbench {

template <typename Scalar>
[[nodiscard]] const Products<Scalar>& xsmm_products();

/// What libxsmm generates code for: `skx`, `hsw`.
[[nodiscard]] std::string xsmm_target();

}  // namespace stepbench
