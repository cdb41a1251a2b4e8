#include "variants/onednn_primitives/onednn.hpp"

#include <utility>

#include "variants/kernels/products.hpp"
#include "variants/matrix/blocks.hpp"
#include "variants/matrix/cut.hpp"
#include "variants/matrix/executor.hpp"
#include "variants/matrix/network.hpp"
#include "variants/onednn/library.hpp"
#include "variants/onednn/products.hpp"
#include "variants/onednn_primitives/blocked_weight.hpp"
#include "variants/openmp/openmp.hpp"

namespace stepbench {
namespace {

/// Layers by inner products; attention, and weights that are looked up, by products of rows.
class InnerProducts final : public Products<float> {
 public:
  void multiply(Transpose transpose_a, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, float alpha,
                Operand<const float> a, Operand<const float> b, float beta, Operand<float> c) const override {
    onednn_gemm(transpose_a, Transpose::no, m, n, k, alpha, a, b, beta, c);
  }
  void multiply_transposed(std::ptrdiff_t m, Range some, float alpha, Operand<const float> a,
                           const TransposedFactor<float>& b, float beta, Operand<float> c) const override {
    const Operand<const float> rows{b.matrix.data + some.begin * b.matrix.stride, b.matrix.stride};
    onednn_gemm(Transpose::no, Transpose::yes, m, some.size(), b.columns, alpha, a, rows, beta, c);
  }
  [[nodiscard]] std::ptrdiff_t copy_size(std::ptrdiff_t, std::ptrdiff_t) const override { return 0; }
  void update_copy(Range, Range, Operand<const float>, std::ptrdiff_t, std::ptrdiff_t, float*) const override {}
  [[nodiscard]] std::unique_ptr<LinearWeight<float>> make_weight(const WeightSettings& settings) const override {
    return make_blocked_weight(settings);
  }
  [[nodiscard]] std::ptrdiff_t attention_panel() const override { return 64; }  // as OpenBLAS's, which it resembles
};

/// Nothing is cut. whole_batch_cut() has blocks of whole leaves (LeafGrid), the last of which, where it is short, may
/// be a block by itself.
class UncutCut final : public Cut {
 public:
  [[nodiscard]] std::ptrdiff_t shard_rows(std::ptrdiff_t rows) const override { return rows; }
  [[nodiscard]] std::ptrdiff_t part_columns(std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t columns,
                                            std::ptrdiff_t) const override {
    return columns;
  }
  [[nodiscard]] std::ptrdiff_t task_count(std::ptrdiff_t, std::ptrdiff_t) const override { return 1; }
  [[nodiscard]] BlockSize block(std::ptrdiff_t outputs, std::ptrdiff_t inputs, std::ptrdiff_t,
                                std::ptrdiff_t) const override {
    return {outputs + LeafGrid::kRows, inputs + LeafGrid::kColumns};
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
  return make_matrix_network<float>(settings, std::make_unique<OnednnExecutor>(settings), std::make_unique<UncutCut>(),
                                    products);
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
