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

#include <cstdint>
#include <memory>
#include <vector>

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

/// So many networks, each for one thread, of one set of parameters: what one of them updates, all train on, with nobody
/// to keep them apart. Each has its gradients and activations for itself. `cut` makes that of one of them. Throws Error
/// where the products have no weights that can be shared.
template <typename Scalar>
[[nodiscard]] std::vector<std::unique_ptr<Network<Scalar>>> make_sharing_networks(
    const NetworkSettings& settings, std::int64_t count, std::unique_ptr<const Cut> (*cut)(const NetworkSettings&),
    const Products<Scalar>& products);

}  // namespace stepbench
