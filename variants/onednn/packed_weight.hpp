// A weight that lies row-major, and beside it once more in the blocks that oneDNN's product wants, for the forward
// pass: they are made anew after each update, and read by every shard of the next step.
//
// Left out: such blocks for dX, whose product reads the rows as they lie and was no slower (2.6, AVX-512); and oneDNN's
// inner product, which keeps one form for all three products, but takes no part of a matrix's columns.
#pragma once

#include <memory>

#include "variants/kernels/products.hpp"

namespace stepbench {

/// Row-major alone where oneDNN wants no other form (2.6: with less than AVX-512). `products` outlive the weight.
[[nodiscard]] std::unique_ptr<LinearWeight<float>> make_packed_weight(const WeightSettings& settings,
                                                                      const Products<float>& products);

}  // namespace stepbench
