#include "variants/tbb_xsmm/tbb_xsmm.hpp"

#include <libxsmm_version.h>
#include <oneapi/tbb/version.h>

#include <string>

#include "variants/matrix/cut.hpp"
#include "variants/matrix/network.hpp"
#include "variants/products/direct_network.hpp"
#include "variants/tbb/executor.hpp"
#include "variants/tbb_xsmm/products.hpp"

namespace stepbench {
namespace {

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make(const NetworkSettings& settings) {
  return make_matrix_network<Scalar>(settings, make_tbb_executor(static_cast<int>(settings.threads), 0, settings.cpus),
                                     shape_cut(shard_rows_of(settings)), xsmm_products<Scalar>());
}

std::vector<LibraryFact> facts() {
  return {{"libxsmm_version", "libxsmm", std::string(LIBXSMM_CONFIG_VERSION)},
          {"libxsmm_target", "libxsmm's instruction set", xsmm_target()},
          {"tbb_version", "oneTBB", std::string(TBB_runtime_version())},
          kernel_fact()};
}

}  // namespace

Backend tbb_xsmm_backend() {
  return {.name = "tbb_xsmm",
          .summary = "batch-parallel on oneTBB, cut as tbb_openblas, with libxsmm's generated kernels",
          .max_threads = kAnyThreads,
          .same_bits_for_any_threads = true,
          .make_float32 = make<float>,
          .make_float64 = make<double>,
          .libraries = facts,
          .own_settings = {shard_rows_setting("a quarter of the batch, 64 at least and 256 at most")},
          .copies_weights = true};
}

}  // namespace stepbench
