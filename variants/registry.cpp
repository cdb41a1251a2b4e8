#include "variants/registry.hpp"

#include <algorithm>
#include <array>

#include "variants/blas/blas.hpp"
#include "variants/neuron/neuron.hpp"
#include "variants/tbb/tbb.hpp"

namespace stepbench {
namespace {

constexpr std::int64_t kAnyThreads = 1024;

constexpr std::array kBackends = {
    Backend{"neuron", "one object per neuron, as the tutorial teaches it; the reference in float64", 1, true,
            make_neuron_network<float>, make_neuron_network<double>},
    Backend{"blas", "a layer is a matrix; OpenBLAS with its own threads", kAnyThreads, false, make_blas_network<float>,
            make_blas_network<double>, blas_unsupported},
    Backend{"tbb_openblas", "batch-parallel on oneTBB: shards of rows, blocks of weights; OpenBLAS's products",
            kAnyThreads, true, make_tbb_openblas_network<float>, make_tbb_openblas_network<double>,
            tbb_openblas_unsupported},
    Backend{"tbb", "batch-parallel on oneTBB, with products that read weights where they lie", kAnyThreads, true,
            make_tbb_network<float>, make_tbb_network<double>, tbb_unsupported},
};

}  // namespace

std::span<const Backend> backends() { return kBackends; }

const Backend* find_backend(std::span<const Backend> table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(), [name](const Backend& b) { return b.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::string unsupported_reason(const Backend& backend, const TrialSettings& trial) {
  if (trial.threads > backend.max_threads) {
    return std::string(backend.name) + " runs on at most " + std::to_string(backend.max_threads) +
           (backend.max_threads == 1 ? " thread" : " threads");
  }
  if (backend.unsupported == nullptr) return "";
  return backend.unsupported({.model = trial.model,
                              .training = trial.training,
                              .max_batch = trial.training.batch_size,
                              .threads = trial.threads});
}

}  // namespace stepbench
