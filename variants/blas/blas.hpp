// The `blas` backend: the matrix form on whole batches, one task per region; OpenBLAS spreads its matrix products over
// its own threads.
#pragma once

#include <memory>
#include <string>

#include "core/network.hpp"

namespace stepbench {

template <typename Scalar>
[[nodiscard]] std::unique_ptr<Network<Scalar>> make_blas_network(const NetworkSettings& settings);

/// As Backend::unsupported: more threads than OpenBLAS has.
[[nodiscard]] std::string blas_unsupported(const NetworkSettings& settings);

}  // namespace stepbench
