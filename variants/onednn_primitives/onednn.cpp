#include "variants/onednn_primitives/onednn.hpp"

#include <utility>

#include "variants/matrix/cut.hpp"
#include "variants/matrix/executor.hpp"
#include "variants/matrix/network.hpp"
#include "variants/onednn/library.hpp"
#include "variants/onednn/products.hpp"
#include "variants/onednn_primitives/blocked_weight.hpp"
#include "variants/openmp/openmp.hpp"
#include "variants/products/gemm_products.hpp"

namespace stepbench {
namespace {

/// Layers by inner products; attention, and weights that are looked up, by products of rows.
class InnerProducts final : public GemmProducts<float, decltype(&onednn_gemm)> {
 public:
  InnerProducts() : GemmProducts(onednn_gemm) {}
  [[nodiscard]] std::unique_ptr<LinearWeight<float>> make_weight(const WeightSettings& settings) const override {
    return make_blocked_weight(settings);
  }
};

/// OpenMP's team, made ready for oneDNN, which takes it when this thread calls.
class OnednnClaim final : public ThreadClaim {
 public:
  OnednnClaim(std::unique_ptr<ThreadClaim> team, int threads) : team_(std::move(team)), threads_(threads) {}
  [[nodiscard]] std::string pin_problem() const override { return team_->pin_problem(); }

 private:
  std::unique_ptr<ThreadClaim> team_;
  OnednnThreads threads_;
};

/// One task after the other, each product on oneDNN's threads.
class OnednnExecutor final : public SerialExecutor {
 public:
  explicit OnednnExecutor(const NetworkSettings& settings)
      : threads_(static_cast<int>(settings.threads)), team_(make_openmp_executor(threads_, settings.cpus)) {}
  std::unique_ptr<ThreadClaim> claim_threads() override {
    return std::make_unique<OnednnClaim>(team_->claim_threads(), threads_);
  }
  [[nodiscard]] bool shares_within_tasks() const override { return true; }

 private:
  int threads_;
  std::unique_ptr<Executor> team_;
};

std::unique_ptr<Network<float>> make(const NetworkSettings& settings) {
  static const InnerProducts products;
  return make_matrix_network<float>(settings, std::make_unique<OnednnExecutor>(settings), whole_batch_cut(), products);
}

std::string unsupported(const NetworkSettings& settings) {
  const std::string reason = onednn_threads_unsupported(settings.threads);
  return reason.empty() ? openmp_threads_unsupported(settings.threads) : reason;
}

std::vector<LibraryFact> facts() {
  std::vector<LibraryFact> facts = onednn_facts();
  facts.push_back(kernel_fact());
  return facts;
}

}  // namespace

Backend onednn_backend() {
  Backend backend{"onednn", "a layer is oneDNN's inner product, with its own threads", kAnyThreads, false, make,
                  nullptr};
  backend.unsupported = unsupported;
  backend.libraries = facts;
  return backend;
}

}  // namespace stepbench
