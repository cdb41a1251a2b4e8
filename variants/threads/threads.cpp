#include "variants/threads/threads.hpp"

#include <string>
#include <utility>

#include "core/affinity.hpp"
#include "variants/openblas/runtime.hpp"
#include "variants/products/direct_network.hpp"
#include "variants/threads/thread_pool.hpp"

namespace stepbench {
namespace {

class PoolClaim final : public ThreadClaim {
 public:
  PoolClaim(const ThreadPool& pool, std::span<const int> cpus)
      : blas_(claim_blas_threads(1, 0)), pool_(pool), problem_(pool.hold_workers(cpus)), caller_(cpus) {}
  PoolClaim(const PoolClaim&) = delete;
  PoolClaim& operator=(const PoolClaim&) = delete;
  ~PoolClaim() override { static_cast<void>(pool_.hold_workers({})); }
  [[nodiscard]] std::string pin_problem() const override { return problem_.empty() ? caller_.pin_problem() : problem_; }

 private:
  std::unique_ptr<ThreadClaim> blas_;
  const ThreadPool& pool_;
  std::string problem_;
  CallerClaim caller_;
};

class PoolExecutor final : public Executor {
 public:
  PoolExecutor(int threads, std::vector<int> cpus) : pool_(threads), cpus_(std::move(cpus)) {}
  std::unique_ptr<ThreadClaim> claim_threads() override { return std::make_unique<PoolClaim>(pool_, cpus_); }
  [[nodiscard]] int threads() const override { return pool_.threads(); }
  void run(const TaskGraph& graph, TaskRef task) override { pool_.run(graph, task); }

 private:
  ThreadPool pool_;
  std::vector<int> cpus_;
};

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make(const NetworkSettings& settings) {
  return make_direct_network<Scalar>(settings,
                                     make_thread_pool_executor(static_cast<int>(settings.threads), settings.cpus));
}

std::vector<LibraryFact> facts() { return {kernel_fact()}; }

}  // namespace

std::unique_ptr<Executor> make_thread_pool_executor(int threads, std::vector<int> cpus) {
  return std::make_unique<PoolExecutor>(threads, std::move(cpus));
}

Backend threads_backend() {
  return {.name = "threads",
          .summary = "tbb's tasks and products in static shares on plain threads",
          .max_threads = kAnyThreads,
          .same_bits_for_any_threads = true,
          .make_float32 = make<float>,
          .make_float64 = make<double>,
          .libraries = facts,
          .own_settings = direct_network_settings(),
          .copies_weights = true,
          .bfloat16 = true};
}

}  // namespace stepbench
