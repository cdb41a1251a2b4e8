// Threads of our own that run tasks in static shares: nothing is stolen, and nobody asks who is free.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "variants/matrix/executor.hpp"
#include "variants/matrix/ready_counters.hpp"

namespace stepbench {

/// `threads` of them, the calling one included. Of the tasks of one name each has a block of consecutive ones: the
/// parts that a layer is cut into, and so most often the same rows in every layer. It does its own in the order of
/// their numbers, and waits where one is not ready: the first task that is not done can always begin, so none waits for
/// ever.
class ThreadPool {
 public:
  /// Throws SupplyError where the system has not so many.
  explicit ThreadPool(int threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  [[nodiscard]] int threads() const { return static_cast<int>(workers_.size()) + 1; }
  void run(const TaskGraph& graph, TaskRef task);

  /// Holds the workers on cpus[1], cpus[2], ...; none: they may run where this process may. Why one could not be held,
  /// or empty.
  [[nodiscard]] std::string hold_workers(std::span<const int> cpus) const;

 private:
  void work(int slot);
  void run_share(int slot);

  bool may_spin_;
  ReadyCounters ready_;
  const TaskGraph* graph_ = nullptr;
  const TaskRef* task_ = nullptr;
  std::vector<std::atomic<pid_t>> ids_;  // of the workers, as the system numbers them
  alignas(64) std::atomic<std::uint32_t> runs_ = 0;
  alignas(64) std::atomic<int> busy_ = 0;  // workers that are not through with the run
  bool ends_ = false;                      // told by one more run
  std::vector<std::jthread> workers_;
};

}  // namespace stepbench
