// OpenBLAS's products, on as many of its threads as it was last given.
#pragma once

#include "variants/kernels/products.hpp"

namespace stepbench {

template <typename Scalar>
[[nodiscard]] const Products<Scalar>& openblas_products();

}  // namespace stepbench
