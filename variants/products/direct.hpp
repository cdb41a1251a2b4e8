// Products that read their operands where they lie: a linear layer's weight in panels (kernels/fused_product.hpp), and
// all else by kernels/direct_product.hpp, for which B^T is kept beside each B that others are multiplied by transposed,
// in rows that spread over all sets of the caches.
#pragma once

#include "variants/kernels/products.hpp"

namespace stepbench {

template <typename Scalar>
[[nodiscard]] const Products<Scalar>& direct_products();

}  // namespace stepbench
