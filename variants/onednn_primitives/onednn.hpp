// `blas` with oneDNN in place of OpenBLAS: a layer's three products are its inner-product primitives, which share one
// form of the weights, and run on its own threads.
//
// Left out: oneDNN's layer normalisation and element-wise primitives. What is between the products is as in `blas`; its
// ReLU makes 0 of NaN, which would hide that a training diverges.
#pragma once

#include "variants/backend.hpp"

namespace stepbench {

[[nodiscard]] Backend onednn_backend();

}  // namespace stepbench
