// The training step over the matrix form, cut into regions of independent tasks for an executor:
//
//   simultaneous   1. per shard of rows: forward, loss, input gradients of all layers
//                  2. per block of output rows: weight gradient and update (fused where the rule allows)
//   layerwise      1. per shard: forward and loss; then from the last layer down
//                  2. per block of the layer: weight gradient and update;  3. per shard: input gradient, with new
//                  weights
//
// Every element is computed by exactly one task, and what tasks share (losses, the clipping norm) is summed in a fixed
// order afterwards, so the bits do not depend on which thread ran what.
#pragma once

#include <memory>

#include "core/network.hpp"
#include "variants/kernels/products.hpp"
#include "variants/matrix/cut.hpp"
#include "variants/matrix/executor.hpp"

namespace stepbench {

/// `products` outlive the network.
template <typename Scalar>
[[nodiscard]] std::unique_ptr<Network<Scalar>> make_matrix_network(const NetworkSettings& settings,
                                                                   std::unique_ptr<Executor> executor,
                                                                   std::unique_ptr<const Cut> cut,
                                                                   const Products<Scalar>& products);

}  // namespace stepbench
