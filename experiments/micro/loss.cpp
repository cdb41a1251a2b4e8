// Softmax and cross-entropy with its gradient, row by row: an MLP's ten classes (a scalar loop) and a transformer's
// characters (vectorised exponentials).
#include <cmath>
#include <cstdint>

#include "experiments/micro/accuracy.hpp"
#include "experiments/micro/kernel.hpp"
#include "experiments/micro/shapes.hpp"
#include "variants/kernels/kernels.hpp"
#include "variants/kernels/transformer_kernels.hpp"

namespace stepbench::micro {
namespace {

/// cross_entropy_row or token_cross_entropy.
template <typename Scalar>
using RowLoss = double (*)(const Scalar* logits, std::int32_t label, std::ptrdiff_t columns, Scalar scale,
                           Scalar* gradient);

template <typename Scalar>
class CrossEntropyKernel : public Kernel {
 public:
  CrossEntropyKernel(RowLoss<Scalar> row_loss, std::ptrdiff_t rows, std::ptrdiff_t columns)
      : row_loss_(row_loss), rows_(rows), columns_(columns) {}

  void prepare() override {
    logits_ = random_values<Scalar>(rows_ * columns_, 1);
    gradient_ = unwritten_values<Scalar>(rows_ * columns_);
    losses_ = unwritten_values<double>(rows_);
  }

  void run() override {
    for (std::ptrdiff_t r = 0; r < rows_; ++r) {
      losses_[static_cast<std::size_t>(r)] =
          row_loss_(logits_.data() + r * columns_, label(r), columns_, Scalar{1}, gradient_.data() + r * columns_);
    }
  }

  [[nodiscard]] std::string check() const override {
    std::vector<double> gradient = in_double(logits_), losses;
    for (std::ptrdiff_t r = 0; r < rows_; ++r) {
      double* row = gradient.data() + r * columns_;
      const double logit = row[label(r)];
      double sum = 0;
      for (std::ptrdiff_t j = 0; j < columns_; ++j) sum += row[j] = std::exp(row[j]);
      for (std::ptrdiff_t j = 0; j < columns_; ++j) row[j] /= sum;
      row[label(r)] -= 1;
      losses.push_back(std::log(sum) - logit);
    }
    // The losses are kept in double, but come from exponentials in Scalar.
    const Buffer<Scalar> rounded(losses_.begin(), losses_.end());
    const std::string wrong = mismatch<Scalar>("loss", view(rounded), losses);
    return wrong.empty() ? mismatch<Scalar>("gradient", view(gradient_), gradient) : wrong;
  }

 private:
  [[nodiscard]] std::int32_t label(std::ptrdiff_t row) const { return static_cast<std::int32_t>(row * 7 % columns_); }

  RowLoss<Scalar> row_loss_;
  std::ptrdiff_t rows_, columns_;
  Buffer<Scalar> logits_, gradient_;
  Buffer<double> losses_;
};

template <typename Scalar>
void add_network(const Network& network, KernelCases& cases) {
  const bool is_mlp = network.model.kind == ModelKind::mlp;
  const RowLoss<Scalar> row_loss = is_mlp ? &cross_entropy_row<Scalar> : &token_cross_entropy<Scalar>;
  const std::int64_t columns = is_mlp ? network.model.layers.back() : network.model.vocabulary_size;
  cases.push_back({.name = "softmax_cross_entropy/" + network.name + '/' + kPrecisionName<Scalar>,
                   .kernel = std::make_shared<CrossEntropyKernel<Scalar>>(row_loss, rows(network), columns),
                   .precision = kPrecisionOf<Scalar>,
                   .bytes = 2.0 * sizeof(Scalar) * static_cast<double>(rows(network) * columns)});
}

}  // namespace

KernelCases loss_cases() {
  KernelCases cases;
  for (const Network& network : {mlp(128), small_transformer()}) {
    add_network<float>(network, cases);
    add_network<double>(network, cases);
  }
  return cases;
}

}  // namespace stepbench::micro
