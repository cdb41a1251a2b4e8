#include "variants/tbb/tbb.hpp"

#include <oneapi/tbb/version.h>

#include "variants/matrix/network.hpp"
#include "variants/openblas/facts.hpp"
#include "variants/openblas/runtime.hpp"
#include "variants/products/direct_network.hpp"
#include "variants/products/openblas.hpp"
#include "variants/tbb/executor.hpp"

namespace stepbench {
namespace {

std::unique_ptr<Executor> executor_of(const NetworkSettings& settings, std::int64_t blas_callers) {
  return make_tbb_executor(static_cast<int>(settings.threads), static_cast<int>(blas_callers), settings.cpus);
}

std::string openblas_unsupported(const NetworkSettings& settings) {
  return blas_callers_unsupported(blas_runtime(), settings.threads);
}

LibraryFact tbb_fact() { return {"tbb_version", "oneTBB", std::string(TBB_runtime_version())}; }

std::vector<LibraryFact> direct_facts() { return {tbb_fact(), kernel_fact()}; }

std::vector<LibraryFact> tbb_and_openblas_facts() {
  std::vector<LibraryFact> facts = openblas_facts();
  facts.push_back(tbb_fact());
  facts.push_back(kernel_fact());
  return facts;
}

}  // namespace

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_tbb_network(const NetworkSettings& settings) {
  return make_direct_network<Scalar>(settings, executor_of(settings, 0));
}

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_tbb_openblas_network(const NetworkSettings& settings) {
  return make_matrix_network<Scalar>(settings, executor_of(settings, settings.threads),
                                     shape_cut(shard_rows_of(settings)), openblas_products<Scalar>());
}

Backend tbb_backend() {
  return {.name = "tbb",
          .summary = "batch-parallel on oneTBB, with weights as its products read them",
          .max_threads = kAnyThreads,
          .same_bits_for_any_threads = true,
          .make_float32 = make_tbb_network<float>,
          .make_float64 = make_tbb_network<double>,
          .libraries = direct_facts,
          .own_settings = direct_network_settings(),
          .copies_weights = true,
          .bfloat16 = true};
}

Backend tbb_openblas_backend() {
  return {"tbb_openblas",
          "batch-parallel on oneTBB: shards of rows, blocks of weights; OpenBLAS's products",
          kAnyThreads,
          true,
          make_tbb_openblas_network<float>,
          make_tbb_openblas_network<double>,
          openblas_unsupported,
          tbb_and_openblas_facts,
          {},
          {shard_rows_setting("a quarter of the batch, 64 at least and 256 at most")}};
}

template std::unique_ptr<Network<float>> make_tbb_network<float>(const NetworkSettings&);
template std::unique_ptr<Network<double>> make_tbb_network<double>(const NetworkSettings&);
template std::unique_ptr<Network<float>> make_tbb_openblas_network<float>(const NetworkSettings&);
template std::unique_ptr<Network<double>> make_tbb_openblas_network<double>(const NetworkSettings&);

}  // namespace stepbench
