#include "variants/tbb_mkl/tbb_mkl.hpp"

#include <oneapi/tbb/version.h>

#include <string>

#include "variants/kernels/products.hpp"
#include "variants/matrix/cut.hpp"
#include "variants/matrix/network.hpp"
#include "variants/products/direct_network.hpp"
#include "variants/tbb/executor.hpp"
#include "variants/tbb_mkl/library.hpp"

namespace stepbench {
namespace {

/// Its bits may depend on how far from a multiple of 64 bytes an operand begins, which shapes alone decide here.
template <typename Scalar>
class MklProducts final : public Products<Scalar> {
 public:
  explicit MklProducts(MklLibrary::Gemm<Scalar> function) : gemm_(function) {}

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
  [[nodiscard]] std::ptrdiff_t attention_panel() const override { return 64; }  // as OpenBLAS's, which it resembles

 private:
  void gemm(Transpose transpose_a, Transpose transpose_b, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k,
            Scalar alpha, Operand<const Scalar> a, Operand<const Scalar> b, Scalar beta, Operand<Scalar> c) const {
    constexpr int kRowMajor = 101, kNoTranspose = 111, kTranspose = 112;  // CBLAS's
    const auto cblas = [](Transpose transpose) { return transpose == Transpose::yes ? kTranspose : kNoTranspose; };
    gemm_(kRowMajor, cblas(transpose_a), cblas(transpose_b), static_cast<int>(m), static_cast<int>(n),
          static_cast<int>(k), alpha, a.data, static_cast<int>(a.stride), b.data, static_cast<int>(b.stride), beta,
          c.data, static_cast<int>(c.stride));
  }

  MklLibrary::Gemm<Scalar> gemm_;
};

template <typename Scalar>
const Products<Scalar>& products();
template <>
const Products<float>& products<float>() {
  static const MklProducts<float> products(mkl_library().sgemm);
  return products;
}
template <>
const Products<double>& products<double>() {
  static const MklProducts<double> products(mkl_library().dgemm);
  return products;
}

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make(const NetworkSettings& settings) {
  return make_matrix_network<Scalar>(settings, make_tbb_executor(static_cast<int>(settings.threads), 0, settings.cpus),
                                     shape_cut(shard_rows_of(settings)), products<Scalar>());
}

std::string missing() { return mkl_library().problem; }

std::vector<LibraryFact> facts() {
  if (!missing().empty()) return {};
  return {{"mkl_version", "MKL", mkl_library().version},
          {"mkl_processor", "what MKL takes the CPU for", mkl_library().processor},
          {"tbb_version", "oneTBB", std::string(TBB_runtime_version())},
          kernel_fact()};
}

}  // namespace

Backend tbb_mkl_backend() {
  Backend backend{"tbb_mkl",   "batch-parallel on oneTBB, cut as tbb_openblas, with MKL's products",
                  kAnyThreads, true,
                  make<float>, make<double>};
  backend.libraries = facts;
  backend.own_settings = {shard_rows_setting("a quarter of the batch, 64 at least and 256 at most")};
  backend.missing = missing;
  return backend;
}

}  // namespace stepbench
