// The products of a library that has the general one and copies operands as it likes by itself: no copies are kept.
#pragma once

#include <utility>

#include "variants/kernels/products.hpp"

namespace stepbench {

/// gemm(transpose_a, transpose_b, m, n, k, alpha, a, b, beta, c): C (m, n) = alpha * op(A) (m, k) * op(B) (k, n) +
/// beta * C, row-major; may be called side by side.
template <typename Scalar, typename Gemm>
class GemmProducts : public Products<Scalar> {
 public:
  explicit GemmProducts(Gemm gemm) : gemm_(std::move(gemm)) {}

  void multiply(Transpose transpose_a, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, Scalar alpha,
                Operand<const Scalar> a, Operand<const Scalar> b, Scalar beta, Operand<Scalar> c) const final {
    gemm_(transpose_a, Transpose::no, m, n, k, alpha, a, b, beta, c);
  }
  void multiply_transposed(std::ptrdiff_t m, Range some, Scalar alpha, Operand<const Scalar> a,
                           const TransposedFactor<Scalar>& b, Scalar beta, Operand<Scalar> c) const final {
    const Operand<const Scalar> rows{b.matrix.data + some.begin * b.matrix.stride, b.matrix.stride};
    gemm_(Transpose::no, Transpose::yes, m, some.size(), b.columns, alpha, a, rows, beta, c);
  }
  [[nodiscard]] std::ptrdiff_t copy_size(std::ptrdiff_t, std::ptrdiff_t) const final { return 0; }
  void update_copy(Range, Range, Operand<const Scalar>, std::ptrdiff_t, std::ptrdiff_t, Scalar*) const final {}
  /// Tried with OpenBLAS, which such libraries resemble.
  [[nodiscard]] std::ptrdiff_t attention_panel() const final { return 64; }

 private:
  Gemm gemm_;
};

}  // namespace stepbench
