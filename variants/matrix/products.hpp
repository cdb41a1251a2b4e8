// Whose matrix products a model takes: OpenBLAS's, or the ones that read their operands where they lie.
#pragma once

#include <cstddef>

#include "variants/matrix/direct_product.hpp"
#include "variants/matrix/gemm.hpp"

namespace stepbench {

enum class Products { openblas, direct };

/// C (m, n) = alpha * op(A) (m, k) * B (k, n) + beta * C, row-major.
template <typename Scalar>
void product(Products products, Transpose transpose_a, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k,
             Scalar alpha, Operand<const Scalar> a, Operand<const Scalar> b, Scalar beta, Operand<Scalar> c) {
  if (products == Products::direct) {
    direct_product(transpose_a, m, n, k, alpha, a, b, beta, c);
  } else {
    gemm(transpose_a, Transpose::no, m, n, k, alpha, a, b, beta, c);
  }
}

}  // namespace stepbench
