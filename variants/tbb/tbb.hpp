// The `tbb` backend: batch-parallel over the same matrix form. The batch is cut into shards of rows that go forward and
// backward side by side; weight gradients and updates are cut into blocks of output rows. OpenBLAS has one thread each.
#pragma once

#include <memory>

#include "core/network.hpp"

namespace stepbench {

template <typename Scalar>
[[nodiscard]] std::unique_ptr<Network<Scalar>> make_tbb_network(const NetworkSettings& settings);

}  // namespace stepbench
