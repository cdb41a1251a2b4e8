// Products that read their operands where they lie (kernels/direct_product.hpp): B^T is kept beside each B that others
// are multiplied by transposed, in rows that spread over all sets of the caches.
#pragma once

#include "variants/kernels/products.hpp"

namespace stepbench {

template <typename Scalar>
[[nodiscard]] const Products<Scalar>& direct_products();

}  // namespace stepbench
