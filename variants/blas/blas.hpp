// The `blas` backend: the matrix form on whole batches, one task per region; OpenBLAS spreads its matrix products over
// its own threads.
#pragma once

#include <memory>

#include "core/network.hpp"
#include "variants/backend.hpp"

namespace stepbench {

[[nodiscard]] Backend blas_backend();
template <typename Scalar>
[[nodiscard]] std::unique_ptr<Network<Scalar>> make_blas_network(const NetworkSettings& settings);

}  // namespace stepbench
