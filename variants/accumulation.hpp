// Gradient accumulation: a step on a batch as several micro-batches, one after the other, whose gradients are added up
// before the one update. Over any backend's network, by its own compute_gradients and apply_update; what it costs and
// saves is that network's activations (of a micro-batch alone) against one more buffer of gradients.
#pragma once

#include <memory>

#include "core/network.hpp"

namespace stepbench {

/// Whether such a network's largest batch is trained in more than one micro-batch.
[[nodiscard]] bool accumulates(const NetworkSettings& settings);

/// For settings that accumulate. `make` makes the backend's own network, for micro-batches. The loss and the gradients
/// of a batch are those that `make` would give for the whole of it, but for rounding; with Divisor::naive the means of
/// the micro-batches' own. With NetworkSettings::gradient_noise a step tells the moments of its gradients, which costs
/// a pass over them for each micro-batch.
template <typename Scalar>
[[nodiscard]] std::unique_ptr<Network<Scalar>> make_accumulating_network(
    std::unique_ptr<Network<Scalar>> (*make)(const NetworkSettings&), const NetworkSettings& settings);

}  // namespace stepbench
