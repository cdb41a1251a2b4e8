#include "experiments/machine/cache_level.hpp"

namespace stepbench {

std::string level_that_holds(const Topology& topology, int cores, double bytes) {
  for (const CacheLevel& level : topology.caches) {
    const int caches = (cores + level.cores - 1) / level.cores;
    if (bytes <= static_cast<double>(level.bytes) * caches) return level.name;
  }
  return "memory";
}

}  // namespace stepbench
