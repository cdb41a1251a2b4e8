#include "variants/onednn/products.hpp"

#include <oneapi/dnnl/dnnl.hpp>

#include "variants/onednn/library.hpp"
#include "variants/onednn/packed_weight.hpp"

namespace stepbench {

void onednn_gemm(Transpose transpose_a, Transpose transpose_b, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k,
                 float alpha, Operand<const float> a, Operand<const float> b, float beta, Operand<float> c) {
  static_cast<void>(onednn_engine());
  const auto letter = [](Transpose transpose) { return transpose == Transpose::yes ? 'T' : 'N'; };
  const dnnl::status status = dnnl::sgemm(letter(transpose_a), letter(transpose_b), m, n, k, alpha, a.data, a.stride,
                                          b.data, b.stride, beta, c.data, c.stride);
  if (status == dnnl::status::success) return;
  throw Error("oneDNN refused a product, with status " + std::to_string(static_cast<int>(status)));
}

namespace {

class OnednnProducts final : public Products<float> {
 public:
  void multiply(Transpose transpose_a, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, float alpha,
                Operand<const float> a, Operand<const float> b, float beta, Operand<float> c) const override {
    const OneOnednnThread one;
    onednn_gemm(transpose_a, Transpose::no, m, n, k, alpha, a, b, beta, c);
  }
  void multiply_transposed(std::ptrdiff_t m, Range some, float alpha, Operand<const float> a,
                           const TransposedFactor<float>& b, float beta, Operand<float> c) const override {
    const Operand<const float> rows{b.matrix.data + some.begin * b.matrix.stride, b.matrix.stride};
    const OneOnednnThread one;
    onednn_gemm(Transpose::no, Transpose::yes, m, some.size(), b.columns, alpha, a, rows, beta, c);
  }
  [[nodiscard]] std::ptrdiff_t copy_size(std::ptrdiff_t, std::ptrdiff_t) const override { return 0; }
  void update_copy(Range, Range, Operand<const float>, std::ptrdiff_t, std::ptrdiff_t, float*) const override {}
  [[nodiscard]] std::unique_ptr<LinearWeight<float>> make_weight(const WeightSettings& settings) const override {
    return make_packed_weight(settings, *this);
  }
  [[nodiscard]] std::ptrdiff_t attention_panel() const override { return 64; }  // as OpenBLAS's, which it resembles
};

}  // namespace

const Products<float>& onednn_products() {
  static const OnednnProducts products;
  return products;
}

}  // namespace stepbench
