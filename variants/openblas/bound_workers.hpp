// OpenBLAS's workers, each held on a CPU.
#pragma once

#include <span>
#include <string>

namespace stepbench {

/// Holds those of the `threads` that OpenBLAS has now which are not the caller on cpus[1], cpus[2], ...; afterwards
/// they may run where this process may. None of them where `cpus` is empty.
///
/// Its pthreads flavour tells which its threads are, and keeps them. The OpenMP one ends and starts threads from one
/// product to the next, as many as it finds worth while, each where its caller is at that moment: they are left alone.
class BoundWorkers {
 public:
  BoundWorkers(int threads, std::span<const int> cpus);
  BoundWorkers(const BoundWorkers&) = delete;
  BoundWorkers& operator=(const BoundWorkers&) = delete;
  ~BoundWorkers();

  /// Why one is not held, or empty: then none is.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  void release();

  int bound_ = 0;  // workers
  std::string problem_;
};

}  // namespace stepbench
