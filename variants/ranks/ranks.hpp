// Ranks: a network that several processes train together, each on its part of every batch, with gradients added up
// between them (MPI). Any backend can be in each of them; here is what a run sees of it: a network in processes of its
// own (Network::own_process). What each of them runs: variants/rank_program.
#pragma once

#include <memory>
#include <string>

#include "core/network.hpp"
#include "variants/backend.hpp"

namespace stepbench {

/// Why the backend cannot train on ranks as these settings (with some ranks) ask for; empty when it can.
[[nodiscard]] std::string ranks_unsupported(const Backend& backend, const NetworkSettings& settings);

/// The network that the settings ask for: the backend's own, or one of its ranks. Throws as Backend::make, and Error
/// where the ranks do not start.
template <typename Scalar>
[[nodiscard]] std::unique_ptr<Network<Scalar>> make_network(const Backend& backend, const NetworkSettings& settings);

}  // namespace stepbench
