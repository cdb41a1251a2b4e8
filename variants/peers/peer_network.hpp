// A network that a peer trains in a process of its own.
#pragma once

#include <chrono>
#include <memory>

#include "core/network.hpp"
#include "variants/peers/peer_program.hpp"

namespace stepbench {

/// Throws Error and UnsupportedError, as its methods.
template <typename Scalar>
[[nodiscard]] std::unique_ptr<Network<Scalar>> make_peer_network(PeerProgram program, const NetworkSettings& settings,
                                                                 std::chrono::seconds time_limit);

}  // namespace stepbench
