#include "variants/threads/thread_pool.hpp"

#include <unistd.h>

#include <chrono>
#include <cstddef>

#include "core/affinity.hpp"
#include "core/floating_point.hpp"
#include "core/supply.hpp"

namespace stepbench {
namespace {

// How long a thread looks for work before it sleeps: longer than what lies between two steps or two tasks, and far
// shorter than what lies between two blocks. Chosen by that, not by measuring.
constexpr std::chrono::microseconds kSpin{100};
constexpr int kLooks = 64;  // between two readings of the clock

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Until `value` is another than `old`, which it then gives.
template <typename T>
T wait_for_change(const std::atomic<T>& value, T old, bool may_spin) {
  if (may_spin) {
    const auto limit = std::chrono::steady_clock::now() + kSpin;
    do {
      for (int i = 0; i < kLooks; ++i) {
        const T now = value.load(std::memory_order_acquire);
        if (now != old) return now;
        relax();
      }
    } while (std::chrono::steady_clock::now() < limit);
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int threads)
    // Who spins where there are more threads than CPUs keeps another from the work that it waits for.
    : may_spin_(threads <= std::ssize(cpus_of_process())), ids_(static_cast<std::size_t>(threads - 1)) {
  require_threads(threads - 1);
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int slot = 1; slot < threads; ++slot) {
    workers_.emplace_back([this, slot] { work(slot); });
  }
  for (std::atomic<pid_t>& id : ids_) id.wait(0);
}

ThreadPool::~ThreadPool() {
  ends_ = true;
  runs_.fetch_add(1, std::memory_order_release);
  runs_.notify_all();
}

std::string ThreadPool::hold_workers(std::span<const int> cpus) const {
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    const bool is_held = i + 1 < cpus.size();
    const std::span<const int> where = is_held ? cpus.subspan(i + 1, 1) : std::span<const int>(cpus_of_process());
    const int error = bind_thread(where, ids_[i]);
    if (error != 0 && is_held) return bind_problem(where, error);
  }
  return "";
}

void ThreadPool::run(const TaskGraph& graph, TaskRef task) {
  if (workers_.empty()) return run_in_order(graph, task);
  ready_.begin(graph);
  graph_ = &graph;
  task_ = &task;
  busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  runs_.fetch_add(1, std::memory_order_release);
  runs_.notify_all();
  run_share(0);
  for (int busy = busy_.load(std::memory_order_acquire); busy != 0;) busy = wait_for_change(busy_, busy, may_spin_);
}

void ThreadPool::work(int slot) {
  flush_denormals();
  std::atomic<pid_t>& id = ids_[static_cast<std::size_t>(slot) - 1];
  id = gettid();
  id.notify_all();
  for (std::uint32_t seen = 0;;) {
    seen = wait_for_change(runs_, seen, may_spin_);
    if (ends_) return;
    run_share(slot);
    busy_.fetch_sub(1, std::memory_order_acq_rel);
    busy_.notify_one();
  }
}

void ThreadPool::run_share(int slot) {
  const TaskGraph& graph = *graph_;
  const std::int64_t threads = std::ssize(workers_) + 1;
  for (TaskGraph::Id id = 0; id < graph.size(); ++id) {
    if (graph.is_join(id)) continue;
    const TaskGraph::Part part = graph.part(id);
    if (part.index * threads / part.count != slot) continue;
    std::atomic<TaskGraph::Id>& waiting = ready_.of(id);
    for (TaskGraph::Id left = waiting.load(std::memory_order_acquire); left != 0;) {
      left = wait_for_change(waiting, left, may_spin_);
    }
    (*task_)(id);
    ready_.done(id, [this](TaskGraph::Id after) { ready_.of(after).notify_one(); });
  }
}

}  // namespace stepbench
