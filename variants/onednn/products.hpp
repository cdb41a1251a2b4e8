// oneDNN's float32 products, for tasks each on the calling thread alone. It has none of float64.
#pragma once

#include "variants/kernels/products.hpp"

namespace stepbench {

[[nodiscard]] const Products<float>& onednn_products();

/// C (m, n) = alpha * op(A) (m, k) * op(B) (k, n) + beta * C, row-major, on as many threads as OpenMP would give to the
/// calling one.
void onednn_gemm(Transpose transpose_a, Transpose transpose_b, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k,
                 float alpha, Operand<const float> a, Operand<const float> b, float beta, Operand<float> c);

}  // namespace stepbench
