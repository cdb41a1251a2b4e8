#include "experiments/machine/cores.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <thread>

#include "core/affinity.hpp"
#include "experiments/machine/probes.hpp"

namespace stepbench {

std::vector<int> allowed_cores() {
  std::vector<int> cores = cpus_of_process();
  if (cores.empty()) {  // the system does not tell
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

int cores_at_once(std::int64_t threads) { return static_cast<int>(std::min<std::int64_t>(threads, available_cores())); }

}  // namespace stepbench
