#include "variants/tbb/executor.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <optional>
#include <utility>
#include <vector>

#include "core/affinity.hpp"
#include "core/supply.hpp"
#include "variants/matrix/ready_counters.hpp"
#include "variants/openblas/runtime.hpp"
#include "variants/tbb/workers.hpp"

namespace stepbench {
namespace {

// More than an arena takes. Where TBB cannot have the memory for one it throws, and crashes in what it left half made.
constexpr std::size_t kArenaBytes = std::size_t{8} << 20U;

/// TBB's limit on threads, for the life of the object: without it, TBB would not go beyond the number of cores.
tbb::global_control allow_threads(int threads) {
  return {tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads)};
}

/// The one place that limits threads: TBB may use `threads` in all, OpenBLAS one in each of them.
class TbbThreadClaim final : public ThreadClaim {
 public:
  TbbThreadClaim(int threads, int blas_callers, const ReadyWorkers& workers, std::span<const int> cpus)
      : limit_(allow_threads(threads)), blas_(claim_blas_threads(1, blas_callers)), workers_(workers) {
    static HighWater started(1);  // TBB keeps those that it has started
    started.raise_to(threads, require_threads);
    caller_.emplace(cpus);
  }
  [[nodiscard]] std::string pin_problem() const override {
    const std::string problem = caller_->pin_problem();
    return problem.empty() ? workers_.problem() : problem;
  }

 private:
  tbb::global_control limit_;
  std::unique_ptr<ThreadClaim> blas_;
  const ReadyWorkers& workers_;
  std::optional<CallerClaim> caller_;  // last: what is started before it is not to be held with it
};

/// One run of a graph. A thread that is through with a task goes on with the first that only waited for it, most often
/// the next one on the same rows, and leaves the others to who is free.
class TbbRun {
 public:
  using Id = TaskGraph::Id;

  TbbRun(const TaskGraph& graph, TaskRef task, ReadyCounters& ready) : graph_(graph), task_(task), ready_(ready) {
    ready.begin(graph);
  }
  TbbRun(const TbbRun&) = delete;
  TbbRun& operator=(const TbbRun&) = delete;

  void run() {
    for (const Id root : graph_.roots().subspan(1)) hand_out(root);
    group_.run_and_wait([this] { run_from(graph_.roots().front()); });
  }

 private:
  static constexpr Id kNone = -1;

  void hand_out(Id id) {
    group_.run([this, id] { run_from(id); });
  }
  void run_from(Id id) {
    while (id != kNone) {
      task_(id);
      Id next = kNone;
      ready_.done(id, [&](Id after) {
        if (next == kNone) {
          next = after;
        } else {
          hand_out(after);
        }
      });
      id = next;
    }
  }

  const TaskGraph& graph_;
  TaskRef task_;
  ReadyCounters& ready_;
  tbb::task_group group_;
};

class TbbExecutor final : public Executor {
 public:
  TbbExecutor(int threads, int blas_callers, std::vector<int> cpus)
      : threads_(threads), blas_callers_(blas_callers), cpus_(std::move(cpus)), arena_(threads) {
    require_blocks(1, kArenaBytes, "oneTBB");
    const tbb::global_control allowed = allow_threads(threads);  // the arena asks for its workers once, here
    workers_.emplace(arena_, cpus_);
  }
  std::unique_ptr<ThreadClaim> claim_threads() override {
    return std::make_unique<TbbThreadClaim>(threads_, blas_callers_, *workers_, cpus_);
  }
  [[nodiscard]] int threads() const override { return threads_; }
  void run(const TaskGraph& graph, TaskRef task) override {
    arena_.execute([&] {
      if (threads_ == 1) {
        run_in_order(graph, task);
      } else {
        TbbRun(graph, task, ready_).run();
      }
    });
  }

 private:
  int threads_, blas_callers_;
  std::vector<int> cpus_;
  tbb::task_arena arena_;
  std::optional<ReadyWorkers> workers_;
  ReadyCounters ready_;
};

}  // namespace

std::unique_ptr<Executor> make_tbb_executor(int threads, int blas_callers, std::vector<int> cpus) {
  return std::make_unique<TbbExecutor>(threads, blas_callers, std::move(cpus));
}

}  // namespace stepbench
