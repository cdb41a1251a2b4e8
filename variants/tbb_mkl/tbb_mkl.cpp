#include "variants/tbb_mkl/tbb_mkl.hpp"

#include <oneapi/tbb/version.h>

#include <string>
#include <type_traits>

#include "variants/matrix/cut.hpp"
#include "variants/matrix/network.hpp"
#include "variants/products/direct_network.hpp"
#include "variants/products/gemm_products.hpp"
#include "variants/tbb/executor.hpp"
#include "variants/tbb_mkl/library.hpp"

namespace stepbench {
namespace {

/// MKL's product in our terms. Its bits may depend on how far from a multiple of 64 bytes an operand begins, which
/// shapes alone decide here.
template <typename Scalar>
class MklGemm {
 public:
  explicit MklGemm(MklLibrary::Gemm<Scalar> function) : function_(function) {}

  void operator()(Transpose transpose_a, Transpose transpose_b, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k,
                  Scalar alpha, Operand<const Scalar> a, Operand<const Scalar> b, Scalar beta,
                  Operand<Scalar> c) const {
    constexpr int kRowMajor = 101, kNoTranspose = 111, kTranspose = 112;  // CBLAS's
    const auto cblas = [](Transpose transpose) { return transpose == Transpose::yes ? kTranspose : kNoTranspose; };
    function_(kRowMajor, cblas(transpose_a), cblas(transpose_b), static_cast<int>(m), static_cast<int>(n),
              static_cast<int>(k), alpha, a.data, static_cast<int>(a.stride), b.data, static_cast<int>(b.stride), beta,
              c.data, static_cast<int>(c.stride));
  }

 private:
  MklLibrary::Gemm<Scalar> function_;
};

template <typename Scalar>
const Products<Scalar>& products() {
  const auto gemm = [] {
    if constexpr (std::is_same_v<Scalar, float>) {
      return mkl_library().sgemm;
    } else {
      return mkl_library().dgemm;
    }
  };
  static const GemmProducts<Scalar, MklGemm<Scalar>> products(MklGemm<Scalar>{gemm()});
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
