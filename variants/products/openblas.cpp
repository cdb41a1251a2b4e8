#include "variants/products/openblas.hpp"

#include "variants/kernels/gemm.hpp"

namespace stepbench {
namespace {

template <typename Scalar>
class OpenblasProducts final : public Products<Scalar> {
 public:
  void multiply(Transpose transpose_a, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, Scalar alpha,
                Operand<const Scalar> a, Operand<const Scalar> b, Scalar beta, Operand<Scalar> c) const override {
    gemm(transpose_a, Transpose::no, m, n, k, alpha, a, b, beta, c);
  }
  void multiply_transposed(std::ptrdiff_t m, Range some, Scalar alpha, Operand<const Scalar> a,
                           const TransposedFactor<Scalar>& b, Scalar beta, Operand<Scalar> c) const override {
    const Operand<const Scalar> rows{b.matrix.data + some.begin * b.matrix.stride, b.matrix.stride};
    gemm(Transpose::no, Transpose::yes, m, some.size(), b.columns, alpha, a, rows, beta, c);
  }
  [[nodiscard]] std::ptrdiff_t copy_size(std::ptrdiff_t, std::ptrdiff_t) const override { return 0; }
  void update_copy(Range, Range, Operand<const Scalar>, std::ptrdiff_t, std::ptrdiff_t, Scalar*) const override {}
  [[nodiscard]] std::ptrdiff_t attention_panel() const override { return 64; }
};

}  // namespace

template <typename Scalar>
const Products<Scalar>& openblas_products() {
  static const OpenblasProducts<Scalar> products;
  return products;
}

template const Products<float>& openblas_products<float>();
template const Products<double>& openblas_products<double>();

}  // namespace stepbench
