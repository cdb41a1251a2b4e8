// oneDNN's float32 products, each on the calling thread alone. It has none of float64.
#pragma once

#include "variants/kernels/products.hpp"

namespace stepbench {

[[nodiscard]] const Products<float>& onednn_products();

}  // namespace stepbench
