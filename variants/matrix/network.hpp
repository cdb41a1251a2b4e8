// The training step over the matrix form, as a graph of tasks for an executor:
//
//   simultaneous   lanes of samples go forward and backward by themselves; a block of parameters gets gradient and
//                  update (fused where the rule allows) once every lane is through with the layer that it belongs to
//   layerwise      the same lanes; from the last layer down, its blocks, then each lane's input gradient with the new
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
