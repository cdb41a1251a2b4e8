// Batch-parallel over the same matrix form. The batch is cut into shards of rows that go forward and backward side by
// side; weight gradients and updates are cut into blocks of output rows. `tbb` multiplies with direct products
// (variants/matrix/direct_product.hpp), `tbb_openblas` with OpenBLAS on one thread each: between blas and tbb, it tells
// what the cut into tasks is worth from what the product is.
#pragma once

#include <memory>
#include <string>

#include "core/network.hpp"

namespace stepbench {

template <typename Scalar>
[[nodiscard]] std::unique_ptr<Network<Scalar>> make_tbb_network(const NetworkSettings& settings);

template <typename Scalar>
[[nodiscard]] std::unique_ptr<Network<Scalar>> make_tbb_openblas_network(const NetworkSettings& settings);

/// As Backend::unsupported: `tbb` in a build for a CPU without AVX2; `tbb_openblas` with a library that several threads
/// may not call.
[[nodiscard]] std::string tbb_unsupported(const NetworkSettings& settings);
[[nodiscard]] std::string tbb_openblas_unsupported(const NetworkSettings& settings);

/// The products that `tbb` has in this build: `direct, AVX-512`, `direct, AVX2`, or `none`.
[[nodiscard]] std::string tbb_products();

}  // namespace stepbench
