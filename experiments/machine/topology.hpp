// What of this machine's CPUs share cores, caches and memory, as hwloc tells. The one place that sees hwloc.
#pragma once

#include <string>
#include <vector>

#include "experiments/machine/places.hpp"

namespace stepbench {

/// Of the CPUs that this process may use, with its quota; as when it was first asked. Takes some milliseconds then.
[[nodiscard]] const Topology& this_topology();

/// Of a made-up machine in hwloc's words: `pack:2 l3:4 core:8 pu:2`, or what `lstopo --of xml` writes of a real one.
/// `allowed`: CPUs that may be used; empty: all. What hwloc does not understand is unknown.
[[nodiscard]] Topology synthetic_topology(const std::string& description, const std::vector<int>& allowed = {});
[[nodiscard]] Topology xml_topology(const std::string& xml, const std::vector<int>& allowed = {});

}  // namespace stepbench
