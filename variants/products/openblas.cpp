#include "variants/products/openblas.hpp"

#include "variants/kernels/gemm.hpp"
#include "variants/products/gemm_products.hpp"

namespace stepbench {

template <typename Scalar>
const Products<Scalar>& openblas_products() {
  constexpr auto kGemm = [](const auto&... arguments) { gemm(arguments...); };  // of either type
  static const GemmProducts<Scalar, decltype(kGemm)> products(kGemm);
  return products;
}

template const Products<float>& openblas_products<float>();
template const Products<double>& openblas_products<double>();

}  // namespace stepbench
