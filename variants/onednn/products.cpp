#include "variants/onednn/products.hpp"

#include <oneapi/dnnl/dnnl.hpp>

#include "variants/onednn/library.hpp"
#include "variants/onednn/packed_weight.hpp"
#include "variants/products/gemm_products.hpp"

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

constexpr auto kOnOneThread = [](const auto&... arguments) {
  const OneOnednnThread one;
  onednn_gemm(arguments...);
};

class OnednnProducts final : public GemmProducts<float, decltype(kOnOneThread)> {
 public:
  OnednnProducts() : GemmProducts(kOnOneThread) {}
  [[nodiscard]] std::unique_ptr<LinearWeight<float>> make_weight(const WeightSettings& settings) const override {
    return make_packed_weight(settings, *this);
  }
};

}  // namespace

const Products<float>& onednn_products() {
  static const OnednnProducts products;
  return products;
}

}  // namespace stepbench
