// Which level of the memory holds as much as somebody's work touches. Pure: of any topology.
#pragma once

#include <string>

#include "experiments/machine/places.hpp"

namespace stepbench {

/// The innermost level of which the caches that so many cores fill, on as few of them as hold them, have these bytes:
/// `L2`; `memory` where none has, and where the caches are unknown.
[[nodiscard]] std::string level_that_holds(const Topology& topology, int cores, double bytes);

}  // namespace stepbench
