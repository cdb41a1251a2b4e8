#include "variants/tbb/tbb.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>

#include <algorithm>
#include <optional>

#include "core/floating_point.hpp"
#include "variants/matrix/executor.hpp"
#include "variants/matrix/network.hpp"
#include "variants/openblas_runtime.hpp"

namespace stepbench {
namespace {

// A shard has at least kMinShardRows rows, since each shard reads every weight matrix anew, and at most kMaxShardRows,
// since there is nothing more to gain; between them a batch is cut into kShards.
constexpr std::ptrdiff_t kMinShardRows = 16;
constexpr std::ptrdiff_t kMaxShardRows = 128;
constexpr std::ptrdiff_t kShards = 4;
// A block of a weight matrix is about this many elements (at least kMinBlockRows rows): enough work to be worth a task.
constexpr std::ptrdiff_t kBlockElements = 48 * 1024;
constexpr std::ptrdiff_t kMinBlockRows = 16;

std::ptrdiff_t round_up(std::ptrdiff_t value, std::ptrdiff_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// TBB's limit on threads, for the life of the object: without it, TBB would not go beyond the number of cores.
tbb::global_control allow_threads(int threads) {
  return {tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads)};
}

/// Sets the floating-point mode of every thread that comes to work in the arena.
class FlushDenormals final : public tbb::task_scheduler_observer {
 public:
  explicit FlushDenormals(tbb::task_arena& arena) : tbb::task_scheduler_observer(arena) { observe(true); }
  ~FlushDenormals() override { observe(false); }
  void on_scheduler_entry(bool) override { flush_denormals(); }
};

/// The one place that limits threads: TBB may use `threads` in all, OpenBLAS one in each of them.
class TbbThreadClaim final : public ThreadClaim {
 public:
  explicit TbbThreadClaim(int threads) : limit_(allow_threads(threads)), blas_(claim_blas_threads(1)) {}

 private:
  tbb::global_control limit_;
  std::unique_ptr<ThreadClaim> blas_;
};

class TbbExecutor final : public Executor {
 public:
  explicit TbbExecutor(int threads) : threads_(threads), arena_(threads) {
    const tbb::global_control allowed = allow_threads(threads);  // the arena asks for its workers once, here
    flush_.emplace(arena_);
  }
  std::unique_ptr<ThreadClaim> claim_threads() override { return std::make_unique<TbbThreadClaim>(threads_); }
  void run(std::ptrdiff_t count, TaskRef task) override {
    arena_.execute([&] {
      tbb::parallel_for(
          std::ptrdiff_t{0}, count, [task](std::ptrdiff_t i) { task(i); }, tbb::simple_partitioner());
    });
  }
  [[nodiscard]] std::ptrdiff_t shard_rows(std::ptrdiff_t batch) const override {
    return std::clamp(round_up((batch + kShards - 1) / kShards, kMinShardRows), kMinShardRows, kMaxShardRows);
  }
  [[nodiscard]] std::ptrdiff_t block_rows(std::ptrdiff_t outputs, std::ptrdiff_t inputs) const override {
    const std::ptrdiff_t rows = round_up((kBlockElements + inputs - 1) / inputs, kMinBlockRows);
    return std::min(outputs, rows);
  }

 private:
  int threads_;
  tbb::task_arena arena_;
  std::optional<FlushDenormals> flush_;
};

}  // namespace

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_tbb_network(const NetworkSettings& settings) {
  return make_matrix_network<Scalar>(settings, std::make_unique<TbbExecutor>(static_cast<int>(settings.threads)));
}

template std::unique_ptr<Network<float>> make_tbb_network<float>(const NetworkSettings&);
template std::unique_ptr<Network<double>> make_tbb_network<double>(const NetworkSettings&);

}  // namespace stepbench
