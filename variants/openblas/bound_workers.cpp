#include "variants/openblas/bound_workers.hpp"

#include <cblas.h>
#include <dlfcn.h>
#include <sched.h>

#include <cerrno>
#include <cstddef>
#include <iterator>

#include "core/affinity.hpp"

namespace stepbench {
namespace {

using SetAffinity = int (*)(int thread, std::size_t bytes, cpu_set_t* set);

/// OpenBLAS's openblas_setaffinity, which its other flavours and older versions do not have: the one that was loaded is
/// asked, not the one that this was compiled with. Threads 0 .. n-2 are the workers.
SetAffinity set_affinity() {
  static const auto found = reinterpret_cast<SetAffinity>(dlsym(RTLD_DEFAULT, "openblas_setaffinity"));
  return found;
}

/// 0 or errno
int bind_worker(int worker, std::span<const int> cpus) {
  cpu_set_t set;  // OpenBLAS asks for this type: 1024 CPUs
  CPU_ZERO(&set);
  for (const int cpu : cpus) {
    if (cpu >= CPU_SETSIZE) return EINVAL;
    CPU_SET(static_cast<std::size_t>(cpu), &set);
  }
  const int result = set_affinity()(worker, sizeof set, &set);
  return result < 0 ? errno : result;  // a negative one sets errno, others come from pthread_setaffinity_np as they are
}

}  // namespace

BoundWorkers::BoundWorkers(int threads, std::span<const int> cpus) {
  if (threads < 2 || std::ssize(cpus) < threads) return;
  static_cast<void>(cpus_of_process());
  if (openblas_get_parallel() == OPENBLAS_OPENMP) {
    problem_ = "OpenBLAS's OpenMP flavour ends and starts threads as it finds worth while";
    return;
  }
  if (set_affinity() == nullptr) {
    problem_ = "this OpenBLAS does not tell which its threads are";
    return;
  }
  for (; bound_ + 1 < threads; ++bound_) {
    const std::span<const int> cpu = cpus.subspan(static_cast<std::size_t>(bound_) + 1, 1);
    const int error = bind_worker(bound_, cpu);
    if (error == 0) continue;
    problem_ = bind_problem(cpu, error);
    release();
    return;
  }
}

BoundWorkers::~BoundWorkers() { release(); }

void BoundWorkers::release() {
  while (bound_ > 0) bind_worker(--bound_, cpus_of_process());
}

}  // namespace stepbench
