#include "variants/tbb/tbb.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>

#include <algorithm>
#include <optional>

#include "core/floating_point.hpp"
#include "core/supply.hpp"
#include "variants/matrix/executor.hpp"
#include "variants/matrix/network.hpp"
#include "variants/openblas_runtime.hpp"

namespace stepbench {
namespace {

// How fine to cut. Coarse is cheap on few cores, fine gives more cores something to do. Measured on 2 cores, with
// OpenBLAS's products, which copy all weights for every shard and all activations for every block: with 784-512-256-10,
// quarters of the batch are 2 to 15% slower than halves at batch 64 and 128; at batch 512, shards of 128 rows are 3%
// slower than of 256 and shards of 64 rows 8%; blocks of 64 output rows are as fast as blocks of 128. Where the
// activations are wide, a block's product is mostly the reading of them: 1024 rows of 1536 against 64 outputs at 67% of
// the speed against 384, one thread. Direct products only read, and lose less: 1% for shards of 256 rows against 512,
// 5% for blocks of 64 outputs against 192.
constexpr std::ptrdiff_t kMinShardRows = 16;
constexpr std::ptrdiff_t kMaxShardRows = 512;
constexpr std::ptrdiff_t kShards = 2;
constexpr std::ptrdiff_t kBlockRows = 128;
constexpr std::ptrdiff_t kWideInputs = 1024;

// More than an arena takes. Where TBB cannot have the memory for one it throws, and crashes in what it left half made.
constexpr std::size_t kArenaBytes = std::size_t{8} << 20U;

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
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
  ~FlushDenormals() override { observe(false); }
  void on_scheduler_entry(bool) override { flush_denormals(); }
};

/// The one place that limits threads: TBB may use `threads` in all, OpenBLAS one in each of them.
class TbbThreadClaim final : public ThreadClaim {
 public:
  TbbThreadClaim(int threads, Products products)
      : limit_(allow_threads(threads)), blas_(claim_blas_threads(1, products == Products::openblas ? threads : 0)) {
    static HighWater workers(1);  // TBB keeps those that it has started
    workers.raise_to(threads, require_threads);
  }

 private:
  tbb::global_control limit_;
  std::unique_ptr<ThreadClaim> blas_;
};

class TbbExecutor final : public Executor {
 public:
  TbbExecutor(int threads, Products products) : threads_(threads), products_(products), arena_(threads) {
    require_blocks(1, kArenaBytes, "oneTBB");
    const tbb::global_control allowed = allow_threads(threads);  // the arena asks for its workers once, here
    flush_.emplace(arena_);
  }
  std::unique_ptr<ThreadClaim> claim_threads() override {
    return std::make_unique<TbbThreadClaim>(threads_, products_);
  }
  void run(std::ptrdiff_t count, TaskRef task) override {
    arena_.execute([&] {
      tbb::parallel_for(
          std::ptrdiff_t{0}, count, [task](std::ptrdiff_t i) { task(i); }, tbb::simple_partitioner());
    });
  }
  [[nodiscard]] std::ptrdiff_t shard_samples(std::ptrdiff_t batch, std::ptrdiff_t rows) const override {
    const std::ptrdiff_t part = round_up((batch * rows + kShards - 1) / kShards, kMinShardRows);
    return std::max<std::ptrdiff_t>(1, std::clamp(part, kMinShardRows, kMaxShardRows) / rows);
  }
  [[nodiscard]] std::ptrdiff_t block_rows(std::ptrdiff_t outputs, std::ptrdiff_t inputs) const override {
    return std::min(outputs, inputs > kWideInputs ? inputs / 4 : kBlockRows);
  }

 private:
  int threads_;
  Products products_;
  tbb::task_arena arena_;
  std::optional<FlushDenormals> flush_;
};

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make(const NetworkSettings& settings, Products products) {
  return make_matrix_network<Scalar>(
      settings, std::make_unique<TbbExecutor>(static_cast<int>(settings.threads), products), products);
}

}  // namespace

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_tbb_network(const NetworkSettings& settings) {
  return make<Scalar>(settings, Products::direct);
}

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_tbb_openblas_network(const NetworkSettings& settings) {
  return make<Scalar>(settings, Products::openblas);
}

std::string tbb_unsupported(const NetworkSettings&) {
  if (!kDirectProductVectors.empty()) return "";
  return "this build has no products for it: they need AVX2 and FMA, for which STEPBENCH_NATIVE=ON compiles on a CPU "
         "that "
         "has them (tbb_openblas runs on any)";
}

std::string tbb_openblas_unsupported(const NetworkSettings& settings) {
  return blas_callers_unsupported(blas_runtime(), settings.threads);
}

std::string tbb_products() {
  return kDirectProductVectors.empty() ? "none" : "direct, " + std::string(kDirectProductVectors);
}

template std::unique_ptr<Network<float>> make_tbb_network<float>(const NetworkSettings&);
template std::unique_ptr<Network<double>> make_tbb_network<double>(const NetworkSettings&);
template std::unique_ptr<Network<float>> make_tbb_openblas_network<float>(const NetworkSettings&);
template std::unique_ptr<Network<double>> make_tbb_openblas_network<double>(const NetworkSettings&);

}  // namespace stepbench
