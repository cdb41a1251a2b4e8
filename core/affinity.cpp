#include "core/affinity.hpp"

#include <sched.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

namespace stepbench {
namespace {

struct FreeSet {
  void operator()(cpu_set_t* set) const { CPU_FREE(set); }
};
using CpuSet = std::unique_ptr<cpu_set_t, FreeSet>;

// The kernel refuses to tell of more CPUs than it is given room for, and does not say how many it has.
constexpr int kMostCpus = 1 << 16;

}  // namespace

std::vector<int> cpus_of_thread(pid_t thread) {
  for (int room = CPU_SETSIZE; room <= kMostCpus; room *= 2) {
    const CpuSet set(CPU_ALLOC(static_cast<std::size_t>(room)));
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(room));
    if (!set) return {};
    if (sched_getaffinity(thread, bytes, set.get()) != 0) {
      if (errno == EINVAL) continue;
      return {};
    }
    std::vector<int> cpus;
    for (int cpu = 0; cpu < room; ++cpu) {
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, set.get())) cpus.push_back(cpu);
    }
    return cpus;
  }
  return {};
}

const std::vector<int>& cpus_of_process() {
  static const std::vector<int> cpus = cpus_of_thread();
  return cpus;
}

int bind_thread(std::span<const int> cpus, pid_t thread) {
  static_cast<void>(cpus_of_process());  // while they are still those of the process
  int most = CPU_SETSIZE - 1;
  for (const int cpu : cpus) {
    if (cpu < 0 || cpu >= kMostCpus) return EINVAL;
    if (cpu > most) most = cpu;
  }
  const auto room = static_cast<std::size_t>(most) + 1;
  const CpuSet set(CPU_ALLOC(room));
  if (!set) return ENOMEM;
  const std::size_t bytes = CPU_ALLOC_SIZE(room);
  CPU_ZERO_S(bytes, set.get());
  for (const int cpu : cpus) CPU_SET_S(static_cast<std::size_t>(cpu), bytes, set.get());
  return sched_setaffinity(thread, bytes, set.get()) == 0 ? 0 : errno;
}

std::string bind_problem(std::span<const int> cpus, int error) {
  return "cannot run on CPU " + listed_cpus(cpus) + ": " + std::strerror(error);
}

std::string listed_cpus(std::span<const int> cpus) {
  std::string text;
  for (std::size_t begin = 0, end = 0; begin < cpus.size(); begin = end) {
    for (end = begin + 1; end < cpus.size() && cpus[end] == cpus[end - 1] + 1;) ++end;
    if (!text.empty()) text += ",";
    text += std::to_string(cpus[begin]);
    if (end > begin + 1) text += (end == begin + 2 ? "," : "-") + std::to_string(cpus[end - 1]);
  }
  return text;
}

BoundThread::BoundThread(std::span<const int> cpus) {
  if (cpus.empty()) return;
  std::vector<int> before = cpus_of_thread();
  if (const int error = bind_thread(cpus); error != 0) {
    problem_ = bind_problem(cpus, error);
    return;
  }
  before_ = std::move(before);
}

BoundThread::~BoundThread() {
  if (!before_.empty()) bind_thread(before_);  // where none of them is left, the system has seen to it already
}

}  // namespace stepbench
