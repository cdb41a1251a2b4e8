#include "variants/tbb/executor.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>

#include <optional>

#include "core/floating_point.hpp"
#include "core/supply.hpp"
#include "variants/openblas/runtime.hpp"

namespace stepbench {
namespace {

// More than an arena takes. Where TBB cannot have the memory for one it throws, and crashes in what it left half made.
constexpr std::size_t kArenaBytes = std::size_t{8} << 20U;

/// TBB's limit on threads, for the life of the object: without it, TBB would not go beyond the number of cores.
tbb::global_control allow_threads(int threads) {
  return {tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads)};
}

/// Sets the floating-point mode of every thread that comes to work in the arena.
class FlushDenormals final : public tbb::task_scheduler_observer {
 public:
  explicit FlushDenormals(tbb::task_arena& arena) : tbb::task_scheduler_observer(arena) { observe(true); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
  ~FlushDenormals() override { observe(false); }
  void on_scheduler_entry(bool) override { flush_denormals(); }
};

/// The one place that limits threads: TBB may use `threads` in all, OpenBLAS one in each of them.
class TbbThreadClaim final : public ThreadClaim {
 public:
  TbbThreadClaim(int threads, int blas_callers)
      : limit_(allow_threads(threads)), blas_(claim_blas_threads(1, blas_callers)) {
    static HighWater workers(1);  // TBB keeps those that it has started
    workers.raise_to(threads, require_threads);
  }

 private:
  tbb::global_control limit_;
  std::unique_ptr<ThreadClaim> blas_;
};

class TbbExecutor final : public Executor {
 public:
  TbbExecutor(int threads, int blas_callers) : threads_(threads), blas_callers_(blas_callers), arena_(threads) {
    require_blocks(1, kArenaBytes, "oneTBB");
    const tbb::global_control allowed = allow_threads(threads);  // the arena asks for its workers once, here
    flush_.emplace(arena_);
  }
  std::unique_ptr<ThreadClaim> claim_threads() override {
    return std::make_unique<TbbThreadClaim>(threads_, blas_callers_);
  }
  void run(std::ptrdiff_t count, TaskRef task) override {
    arena_.execute([&] {
      tbb::parallel_for(
          std::ptrdiff_t{0}, count, [task](std::ptrdiff_t i) { task(i); }, tbb::simple_partitioner());
    });
  }

 private:
  int threads_, blas_callers_;
  tbb::task_arena arena_;
  std::optional<FlushDenormals> flush_;
};

}  // namespace

std::unique_ptr<Executor> make_tbb_executor(int threads, int blas_callers) {
  return std::make_unique<TbbExecutor>(threads, blas_callers);
}

}  // namespace stepbench
