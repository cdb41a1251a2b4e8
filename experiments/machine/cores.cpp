#include "experiments/machine/cores.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <thread>

#include "experiments/machine/probes.hpp"

namespace stepbench {

std::vector<int> allowed_cores() {
  std::vector<int> cores;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cores.push_back(cpu);
    }
  } else {  // more cores than the set has bits
    cores.resize(std::max(1U, std::thread::hardware_concurrency()));
    std::iota(cores.begin(), cores.end(), 0);
  }
  return cores;
}

int usable_cores(int allowed, std::optional<double> quota) {
  if (!quota) return allowed;
  return static_cast<int>(std::clamp(std::floor(*quota), 1.0, static_cast<double>(allowed)));
}

int available_cores() {
  static const int cores = usable_cores(static_cast<int>(allowed_cores().size()), read_cpu_quota("/"));
  return cores;
}

}  // namespace stepbench
