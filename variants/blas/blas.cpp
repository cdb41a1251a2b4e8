#include "variants/blas/blas.hpp"

#include "variants/matrix/executor.hpp"
#include "variants/matrix/network.hpp"
#include "variants/openblas_runtime.hpp"

namespace stepbench {
namespace {

/// Runs the one task of a region on the calling thread.
class WholeBatchExecutor final : public Executor {
 public:
  explicit WholeBatchExecutor(int threads) : threads_(threads) {}
  std::unique_ptr<ThreadClaim> claim_threads() override { return claim_blas_threads(threads_); }
  void run(std::ptrdiff_t count, TaskRef task) override {
    for (std::ptrdiff_t i = 0; i < count; ++i) task(i);
  }
  [[nodiscard]] std::ptrdiff_t shard_samples(std::ptrdiff_t batch, std::ptrdiff_t) const override { return batch; }
  [[nodiscard]] std::ptrdiff_t block_rows(std::ptrdiff_t outputs, std::ptrdiff_t) const override { return outputs; }

 private:
  int threads_;
};

}  // namespace

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_blas_network(const NetworkSettings& settings) {
  return make_matrix_network<Scalar>(settings, std::make_unique<WholeBatchExecutor>(static_cast<int>(settings.threads)),
                                     Products::openblas);
}

std::string blas_unsupported(const NetworkSettings& settings) {
  return blas_threads_unsupported(blas_runtime(), settings.threads);
}

template std::unique_ptr<Network<float>> make_blas_network<float>(const NetworkSettings&);
template std::unique_ptr<Network<double>> make_blas_network<double>(const NetworkSettings&);

}  // namespace stepbench
