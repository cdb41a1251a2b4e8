#include "experiments/machine/topology.hpp"

#include <hwloc.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <type_traits>

#include "experiments/machine/cores.hpp"
#include "experiments/machine/probes.hpp"

namespace stepbench {
namespace {

struct Destroy {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Handle = std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, Destroy>;

int index_of(hwloc_obj_t object, int otherwise) {
  return object == nullptr ? otherwise : static_cast<int>(object->logical_index);
}

hwloc_obj_t around(hwloc_topology_t topology, hwloc_obj_t pu, hwloc_obj_type_t type) {
  return hwloc_get_ancestor_obj_by_type(topology, type, pu);
}

/// 0 for the fastest kind of a hybrid CPU's cores; where hwloc cannot rank them, all are alike.
int kind_of(hwloc_topology_t topology, hwloc_obj_t pu) {
  const int kinds = hwloc_cpukinds_get_nr(topology, 0);
  const int kind = kinds > 1 ? hwloc_cpukinds_get_by_cpuset(topology, pu->cpuset, 0) : -1;
  int efficiency = -1;
  if (kind < 0 ||
      hwloc_cpukinds_get_info(topology, static_cast<unsigned>(kind), nullptr, &efficiency, nullptr, nullptr, 0) != 0) {
    return 0;
  }
  return efficiency < 0 ? 0 : kinds - 1 - kind;  // hwloc's order is from the least efficient, in its word: the slowest
}

LogicalCpu describe(hwloc_topology_t topology, hwloc_obj_t pu) {
  const auto number = static_cast<int>(pu->os_index);
  hwloc_obj_t cache = around(topology, pu, HWLOC_OBJ_L3CACHE);
  if (cache == nullptr) cache = around(topology, pu, HWLOC_OBJ_L2CACHE);
  return {.number = number,
          .package = index_of(around(topology, pu, HWLOC_OBJ_PACKAGE), 0),
          .node = std::max(0, hwloc_bitmap_first(pu->nodeset)),
          .cache = index_of(cache, 0),
          .core = index_of(around(topology, pu, HWLOC_OBJ_CORE), number),
          .kind = kind_of(topology, pu)};
}

/// Of data, around one CPU.
std::vector<CacheLevel> caches_around(hwloc_topology_t topology, hwloc_obj_t pu) {
  std::vector<CacheLevel> levels;
  for (hwloc_obj_t object = pu->parent; object != nullptr; object = object->parent) {
    if (hwloc_obj_type_is_dcache(object->type) == 0 || object->attr->cache.size == 0) continue;
    const int cores = hwloc_get_nbobjs_inside_cpuset_by_type(topology, object->cpuset, HWLOC_OBJ_CORE);
    levels.push_back({"L" + std::to_string(object->attr->cache.depth), object->attr->cache.size, std::max(1, cores)});
  }
  return levels;
}

Topology unknown(const std::string& why) {
  Topology topology;
  topology.unknown = why;
  return topology;
}

/// `set_source`: says where the topology comes from; false where hwloc cannot read that.
Topology load(const std::function<bool(hwloc_topology_t)>& set_source, const std::vector<int>& allowed, bool is_here) {
  hwloc_topology_t made = nullptr;
  if (hwloc_topology_init(&made) != 0) return unknown("hwloc cannot be used");
  const Handle handle(made);
  if (!set_source(made) || hwloc_topology_load(made) != 0) return unknown("hwloc cannot tell the topology");
  if (is_here && hwloc_topology_is_thissystem(made) == 0) {
    return unknown("hwloc was told of another machine (HWLOC_XMLFILE, HWLOC_SYNTHETIC)");
  }
  Topology topology;
  for (hwloc_obj_t pu = nullptr; (pu = hwloc_get_next_obj_by_type(made, HWLOC_OBJ_PU, pu)) != nullptr;) {
    const LogicalCpu cpu = describe(made, pu);
    if (!allowed.empty() && std::ranges::find(allowed, cpu.number) == allowed.end()) continue;
    if (topology.cpus.empty()) topology.caches = caches_around(made, pu);
    topology.cpus.push_back(cpu);
  }
  if (topology.cpus.empty()) topology.unknown = "hwloc knows none of the CPUs that are allowed";
  return topology;
}

}  // namespace

const Topology& this_topology() {
  static const Topology here = [] {
    Topology topology = load([](hwloc_topology_t) { return true; }, allowed_cores(), true);
    topology.quota = read_cpu_quota("/");
    return topology;
  }();
  return here;
}

Topology synthetic_topology(const std::string& description, const std::vector<int>& allowed) {
  return load([&](hwloc_topology_t made) { return hwloc_topology_set_synthetic(made, description.c_str()) == 0; },
              allowed, false);
}

Topology xml_topology(const std::string& xml, const std::vector<int>& allowed) {
  return load(
      [&](hwloc_topology_t made) {
        return hwloc_topology_set_xmlbuffer(made, xml.c_str(), static_cast<int>(xml.size()) + 1) == 0;
      },
      allowed, false);
}

}  // namespace stepbench
