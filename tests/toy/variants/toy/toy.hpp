// A backend as a reader of README's three steps would begin: an MLP in plain loops. It is no part of the program; the
// tests build it into one, to show that the three steps are enough.
//
// Left out: transformers, optimisers other than plain SGD, threads. What is left out is said by toy_unsupported, so
// that such trials are listed as unsupported and no other backend computes them instead.
#pragma once

#include <memory>
#include <string>

#include "core/network.hpp"

namespace stepbench {

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_toy_network(const NetworkSettings& settings);

[[nodiscard]] std::string toy_unsupported(const NetworkSettings& settings);

}  // namespace stepbench
