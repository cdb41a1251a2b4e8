#include "variants/registry.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "core/config/experiment.hpp"
#include "variants/blas/blas.hpp"
#include "variants/hogwild/hogwild.hpp"
#include "variants/neuron/neuron.hpp"
#include "variants/onednn/tbb_onednn.hpp"
#include "variants/onednn_primitives/onednn.hpp"
#include "variants/openmp/openmp.hpp"
#include "variants/peers/peers.hpp"
#include "variants/ranks/ranks.hpp"
#include "variants/tbb/tbb.hpp"
#include "variants/tbb_eigen/tbb_eigen.hpp"
#include "variants/tbb_mkl/tbb_mkl.hpp"
#include "variants/tbb_xsmm/tbb_xsmm.hpp"
#include "variants/threads/threads.hpp"

namespace stepbench {

std::span<const Backend> backends() {
  // clang-format off
  static const std::array kBackends = {
      neuron::neuron_backend(),
      blas_backend(),
      onednn_backend(),
      tbb_openblas_backend(),
      tbb_backend(),
      tbb_eigen_backend(),
      tbb_onednn_backend(),
      tbb_xsmm_backend(),
      tbb_mkl_backend(),
      openmp_backend(),
      threads_backend(),
      hogwild_backend(),
      pytorch_backend(),
      pytorch_compiled_backend(),
      jax_backend(),
      numpy_backend(),
      numpy_original_backend(),
      peer_backend(),
  };
  // clang-format on
  return kBackends;
}

std::vector<Backend> backends_in_process() {
  std::vector<Backend> table;
  std::ranges::copy_if(backends(), std::back_inserter(table), [](const Backend& row) { return !row.own_process; });
  return table;
}

const Backend* find_backend(std::span<const Backend> table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(), [name](const Backend& b) { return b.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::string unsupported_reason(const Backend& backend, const TrialSettings& trial) {
  const NetworkSettings settings = network_settings(trial, trial.batch_size());
  std::string reason = unsupported_reason(backend, settings);
  if (reason.empty() && settings.ranks.count > 0) reason = ranks_unsupported(backend, settings);
  return reason;
}

NetworkSettings network_settings(const TrialSettings& trial, std::int64_t max_batch) {
  return {.model = trial.model,
          .training = trial.training,
          .max_batch = max_batch,
          .threads = trial.threads,
          .ranks = trial.ranks,
          .independent_ranks = trial.scaling.kind == ScalingKind::throughput && trial.ranks.count > 0,
          .cpus = trial.places.cpus,
          .own = own_settings(trial),
          .seed = trial.seed,
          .gradient_noise = trial.record.gradient_noise};
}

std::vector<LibraryFact> backend_libraries() {
  std::vector<LibraryFact> facts;
  for (const Backend& backend : backends()) {
    if (backend.libraries == nullptr || !backend.absent.empty()) continue;
    for (LibraryFact& fact : backend.libraries()) {
      if (std::ranges::find(facts, fact.name, &LibraryFact::name) == facts.end()) facts.push_back(std::move(fact));
    }
  }
  return facts;
}

}  // namespace stepbench
