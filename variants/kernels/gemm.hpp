// C (m, n) = alpha * op(A) (m, k) * op(B) (k, n) + beta * C, row-major, for both scalar types.
#pragma once

#include <cblas.h>

#include <cstddef>

#include "variants/kernels/operand.hpp"

namespace stepbench {

namespace internal {
inline CBLAS_TRANSPOSE cblas(Transpose transpose) { return transpose == Transpose::yes ? CblasTrans : CblasNoTrans; }
}  // namespace internal

inline void gemm(Transpose transpose_a, Transpose transpose_b, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k,
                 float alpha, Operand<const float> a, Operand<const float> b, float beta, Operand<float> c) {
  cblas_sgemm(CblasRowMajor, internal::cblas(transpose_a), internal::cblas(transpose_b), static_cast<blasint>(m),
              static_cast<blasint>(n), static_cast<blasint>(k), alpha, a.data, static_cast<blasint>(a.stride), b.data,
              static_cast<blasint>(b.stride), beta, c.data, static_cast<blasint>(c.stride));
}

inline void gemm(Transpose transpose_a, Transpose transpose_b, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k,
                 double alpha, Operand<const double> a, Operand<const double> b, double beta, Operand<double> c) {
  cblas_dgemm(CblasRowMajor, internal::cblas(transpose_a), internal::cblas(transpose_b), static_cast<blasint>(m),
              static_cast<blasint>(n), static_cast<blasint>(k), alpha, a.data, static_cast<blasint>(a.stride), b.data,
              static_cast<blasint>(b.stride), beta, c.data, static_cast<blasint>(c.stride));
}

}  // namespace stepbench
