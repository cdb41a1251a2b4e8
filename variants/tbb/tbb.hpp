// Batch-parallel over the same matrix form: a step as a graph of tasks (variants/matrix). `tbb` multiplies with
// products that keep weights as they read them (variants/products/direct.hpp), and cuts a step by its threads;
// `tbb_openblas` with OpenBLAS on one thread each, by shapes: between blas and tbb, it tells what the cut into tasks is
// worth from what the product is.
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
