#include "variants/blas/blas.hpp"

#include "variants/matrix/executor.hpp"
#include "variants/matrix/network.hpp"
#include "variants/openblas/facts.hpp"
#include "variants/openblas/runtime.hpp"
#include "variants/products/openblas.hpp"

namespace stepbench {
namespace {

/// One task after the other, each product on OpenBLAS's threads.
class BlasExecutor final : public SerialExecutor {
 public:
  explicit BlasExecutor(const NetworkSettings& settings)
      : threads_(static_cast<int>(settings.threads)), cpus_(settings.cpus) {}
  std::unique_ptr<ThreadClaim> claim_threads() override { return claim_blas_threads(threads_, 1, cpus_); }
  [[nodiscard]] bool shares_within_tasks() const override { return true; }

 private:
  int threads_;
  std::vector<int> cpus_;
};

std::string unsupported(const NetworkSettings& settings) {
  return blas_threads_unsupported(blas_runtime(), settings.threads);
}

std::vector<LibraryFact> facts() {
  std::vector<LibraryFact> facts = openblas_facts();
  facts.push_back(kernel_fact());
  return facts;
}

}  // namespace

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_blas_network(const NetworkSettings& settings) {
  return make_matrix_network<Scalar>(settings, std::make_unique<BlasExecutor>(settings), whole_batch_cut(),
                                     openblas_products<Scalar>());
}

Backend blas_backend() {
  return {"blas",
          "a layer is a matrix; OpenBLAS with its own threads",
          kAnyThreads,
          false,
          make_blas_network<float>,
          make_blas_network<double>,
          unsupported,
          facts};
}

template std::unique_ptr<Network<float>> make_blas_network<float>(const NetworkSettings&);
template std::unique_ptr<Network<double>> make_blas_network<double>(const NetworkSettings&);

}  // namespace stepbench
