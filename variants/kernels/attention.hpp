// Causal multi-head attention over one sequence, on strided views of the fused projection: no head is copied apart.
// Queries are taken in panels, so that a panel multiplies only the keys it can see.
//
// Letters: T tokens, D width, H heads, S = D / H. A row of qkv is [q (D), k (D), v (D)]; head h owns columns h S .. of
// each.
#pragma once

#include <cstddef>

#include "variants/kernels/products.hpp"

namespace stepbench {

struct AttentionShape {
  std::ptrdiff_t context;  // T
  std::ptrdiff_t width;    // D
  std::ptrdiff_t heads;    // H
  [[nodiscard]] std::ptrdiff_t head_width() const { return width / heads; }
  /// Elements of one sequence's probabilities (H, T, T).
  [[nodiscard]] std::ptrdiff_t probabilities() const { return heads * context * context; }
};

/// Elements of the scratch memory that both passes need: one panel's gradients, and the products' copy of a head's keys
/// or values.
template <typename Scalar>
[[nodiscard]] std::ptrdiff_t attention_scratch(const Products<Scalar>& products, const AttentionShape& shape);

/// qkv (T, 3D) -> output (T, D), the columns of some heads; keeps their probabilities (H, T, T), of which a panel's
/// part right of what it can see is unspecified.
template <typename Scalar>
void attention_forward(const Products<Scalar>& products, const AttentionShape& shape, Range heads, const Scalar* qkv,
                       Scalar* probabilities, Scalar* output, Scalar* scratch);

/// qkv_gradient (T, 3D) from output_gradient (T, D), the columns of some heads.
template <typename Scalar>
void attention_backward(const Products<Scalar>& products, const AttentionShape& shape, Range heads, const Scalar* qkv,
                        const Scalar* probabilities, const Scalar* output_gradient, Scalar* qkv_gradient,
                        Scalar* scratch);

}  // namespace stepbench
