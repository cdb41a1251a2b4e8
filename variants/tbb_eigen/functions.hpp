// Eigen's product, compiled once for each instruction set: Eigen takes what the compiler may use, so that a build for
// any CPU would have it multiply with SSE2.
#pragma once

#include <cstddef>

#include "variants/kernels/operand.hpp"

namespace stepbench {

template <typename Scalar>
struct EigenFunctions {
  /// C (m, n) = alpha * op(A) (m, k) * op(B) (k, n) + beta * C, row-major; with beta 0, C is not read.
  void (*multiply)(Transpose transpose_a, Transpose transpose_b, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k,
                   Scalar alpha, Operand<const Scalar> a, Operand<const Scalar> b, Scalar beta, Operand<Scalar> c);
};

struct EigenTable {
  EigenFunctions<float> float32;
  EigenFunctions<double> float64;
};

extern const EigenTable kPortableEigen, kAvx2Eigen, kAvx512Eigen;

}  // namespace stepbench
