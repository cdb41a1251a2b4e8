#include "variants/tbb_eigen/tbb_eigen.hpp"

#include <Eigen/src/Core/util/Macros.h>
#include <oneapi/tbb/version.h>

#include <string>

#include "core/isa.hpp"
#include "variants/matrix/cut.hpp"
#include "variants/matrix/network.hpp"
#include "variants/products/direct_network.hpp"
#include "variants/products/gemm_products.hpp"
#include "variants/tbb/executor.hpp"
#include "variants/tbb_eigen/functions.hpp"

namespace stepbench {
namespace {

template <typename Scalar>
const EigenFunctions<Scalar>& functions() {
  static const EigenTable& chosen = STEPBENCH_CHOOSE_TABLE(Eigen);
  if constexpr (sizeof(Scalar) == sizeof(float)) {
    return chosen.float32;
  } else {
    return chosen.float64;
  }
}

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make(const NetworkSettings& settings) {
  static const GemmProducts<Scalar, decltype(EigenFunctions<Scalar>::multiply)> products(functions<Scalar>().multiply);
  return make_matrix_network<Scalar>(settings, make_tbb_executor(static_cast<int>(settings.threads), 0, settings.cpus),
                                     shape_cut(shard_rows_of(settings)), products);
}

std::vector<LibraryFact> facts() {
  return {{"eigen_version", "Eigen",
           std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
               std::to_string(EIGEN_MINOR_VERSION)},
          {"tbb_version", "oneTBB", std::string(TBB_runtime_version())},
          kernel_fact()};
}

}  // namespace

Backend tbb_eigen_backend() {
  return {"tbb_eigen", "batch-parallel on oneTBB, cut as tbb_openblas, with Eigen's products",
          kAnyThreads, true,
          make<float>, make<double>,
          nullptr,     facts,
          {},          {shard_rows_setting("a quarter of the batch, 64 at least and 256 at most")}};
}

}  // namespace stepbench
