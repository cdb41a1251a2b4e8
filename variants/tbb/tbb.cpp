#include "variants/tbb/tbb.hpp"

#include <oneapi/tbb/version.h>

#include "variants/matrix/network.hpp"
#include "variants/openblas/facts.hpp"
#include "variants/openblas/runtime.hpp"
#include "variants/products/direct.hpp"
#include "variants/products/openblas.hpp"
#include "variants/tbb/executor.hpp"

namespace stepbench {
namespace {

constexpr std::string_view kShardRows = "shard_rows";

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make(const NetworkSettings& settings, const Products<Scalar>& products,
                                      std::int64_t blas_callers, std::unique_ptr<const Cut> cut) {
  return make_matrix_network<Scalar>(
      settings, make_tbb_executor(static_cast<int>(settings.threads), static_cast<int>(blas_callers), settings.cpus),
      std::move(cut), products);
}

std::vector<BackendSetting> own_settings(std::string otherwise) {
  constexpr std::int64_t kMost = 1'000'000;
  return {backend_setting(kShardRows, integer_rule(1, kMost),
                          "rows (tokens, of a transformer) that go forward and backward by themselves",
                          std::move(otherwise))};
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
  // An element of a direct product has the same bits in every cut.
  const std::int64_t cores = settings.cores > 0 ? settings.cores : settings.threads;
  return make<Scalar>(settings, direct_products<Scalar>(), 0, core_cut(cores, count_of(settings.own, kShardRows)));
}

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_tbb_openblas_network(const NetworkSettings& settings) {
  return make<Scalar>(settings, openblas_products<Scalar>(), settings.threads,
                      shape_cut(count_of(settings.own, kShardRows)));
}

Backend tbb_backend() {
  return {"tbb",
          "batch-parallel on oneTBB, with weights as its products read them",
          kAnyThreads,
          true,
          make_tbb_network<float>,
          make_tbb_network<double>,
          nullptr,
          direct_facts,
          {},
          own_settings("by the threads: half of the batch on one or two, 32 on many")};
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
          own_settings("a quarter of the batch, 64 at least and 256 at most")};
}

template std::unique_ptr<Network<float>> make_tbb_network<float>(const NetworkSettings&);
template std::unique_ptr<Network<double>> make_tbb_network<double>(const NetworkSettings&);
template std::unique_ptr<Network<float>> make_tbb_openblas_network<float>(const NetworkSettings&);
template std::unique_ptr<Network<double>> make_tbb_openblas_network<double>(const NetworkSettings&);

}  // namespace stepbench
