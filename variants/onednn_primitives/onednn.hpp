// `blas` with oneDNN in place of OpenBLAS: a layer's three products are its inner-product primitives, which share one
// form of the weights, and run on its own threads.
//
// Bias and ReLU are done in its products. Left out: its layer normalisation, which is of rows, as ours is, and no
// product.
#pragma once

#include "variants/backend.hpp"

namespace stepbench {

[[nodiscard]] Backend onednn_backend();

}  // namespace stepbench
