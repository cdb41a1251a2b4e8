// Batch-parallel over the same matrix form. The batch is cut into shards of rows that go forward and backward side by
// side; weight gradients and updates are cut into blocks of output rows. `tbb` multiplies with direct products
// (variants/kernels/direct_product.hpp), `tbb_openblas` with OpenBLAS on one thread each: between blas and tbb, it
// tells what the cut into tasks is worth from what the product is.
#pragma once

#include <memory>

#include "core/network.hpp"
#include "variants/backend.hpp"

namespace stepbench {

template <typename Scalar>
[[nodiscard]] std::unique_ptr<Network<Scalar>> make_tbb_network(const NetworkSettings& settings);

template <typename Scalar>
[[nodiscard]] std::unique_ptr<Network<Scalar>> make_tbb_openblas_network(const NetworkSettings& settings);

[[nodiscard]] Backend tbb_backend();
[[nodiscard]] Backend tbb_openblas_backend();

}  // namespace stepbench
