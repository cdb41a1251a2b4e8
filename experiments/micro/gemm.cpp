// The matrix products of a linear layer whose weight is row-major (RowMajorWeight): OpenBLAS's, and direct ones with
// the copy of the weight that they keep. Left out: the weight gradient that SGD's update is folded into, which is the
// same product with other factors; and products from panels (fused.cpp).
#include "variants/kernels/gemm.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "experiments/micro/accuracy.hpp"
#include "experiments/micro/kernel.hpp"
#include "experiments/micro/shapes.hpp"
#include "variants/kernels/direct_product.hpp"
#include "variants/products/direct.hpp"
#include "variants/products/openblas.hpp"

namespace stepbench::micro {
namespace {

/// C (m, n) = op(A) (m, k) op(B) (k, n)
struct Product {
  std::string_view name;
  Transpose transpose_a, transpose_b;
  std::ptrdiff_t m, n, k;
};

/// op(stored) as a dense (rows, columns) matrix in double.
template <typename Scalar>
std::vector<double> dense(Transpose transpose, const Buffer<Scalar>& stored, std::ptrdiff_t rows,
                          std::ptrdiff_t columns) {
  std::vector<double> matrix;
  matrix.reserve(stored.size());
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    for (std::ptrdiff_t j = 0; j < columns; ++j) {
      const std::ptrdiff_t element = transpose == Transpose::yes ? j * rows + i : i * columns + j;
      matrix.push_back(static_cast<double>(stored[static_cast<std::size_t>(element)]));
    }
  }
  return matrix;
}

template <typename Scalar>
class GemmKernel : public Kernel {
 public:
  GemmKernel(const Products<Scalar>& products, const Product& product) : products_(products), p_(product) {}

  void prepare() override {
    a_ = random_values<Scalar>(p_.m * p_.k, 1);
    b_ = random_values<Scalar>(p_.k * p_.n, 2);
    if (p_.transpose_b == Transpose::yes) {  // a weight's copy is kept from step to step
      copy_.resize(static_cast<std::size_t>(products_.copy_size(p_.n, p_.k)));
      if (!copy_.empty()) products_.update_copy({0, p_.n}, {0, p_.k}, {b_.data(), p_.k}, p_.n, p_.k, copy_.data());
    }
    c_ = unwritten_values<Scalar>(p_.m * p_.n);
  }

  void run() override {
    const Operand<const Scalar> a{a_.data(), p_.transpose_a == Transpose::yes ? p_.m : p_.k};
    const Operand<Scalar> c{c_.data(), p_.n};
    if (p_.transpose_b == Transpose::yes) {
      products_.multiply_transposed(p_.m, {0, p_.n}, Scalar{1}, a, {{b_.data(), p_.k}, p_.n, p_.k, copy_.data()},
                                    Scalar{0}, c);
    } else {
      products_.multiply(p_.transpose_a, p_.m, p_.n, p_.k, Scalar{1}, a, {b_.data(), p_.n}, Scalar{0}, c);
    }
  }

  [[nodiscard]] std::string check() const override {
    const std::vector<double> a = dense(p_.transpose_a, a_, p_.m, p_.k), b = dense(p_.transpose_b, b_, p_.k, p_.n);
    std::vector<double> c(c_.size());
    for (std::ptrdiff_t i = 0; i < p_.m; ++i) {
      double* row = c.data() + i * p_.n;
      for (std::ptrdiff_t l = 0; l < p_.k; ++l) {
        const double factor = a[static_cast<std::size_t>(i * p_.k + l)];
        const double* other = b.data() + l * p_.n;
        for (std::ptrdiff_t j = 0; j < p_.n; ++j) row[j] += factor * other[j];
      }
    }
    return mismatch<Scalar>("C", view(c_), c);
  }

 private:
  const Products<Scalar>& products_;
  Product p_;
  Buffer<Scalar> a_, b_, copy_, c_;
};

/// The copy of a weight that direct products keep: after each update of W (out, in), W^T (in, out).
template <typename Scalar>
class TransposeKernel : public Kernel {
 public:
  TransposeKernel(std::ptrdiff_t rows, std::ptrdiff_t columns) : rows_(rows), columns_(columns) {}

  void prepare() override {
    from_ = random_values<Scalar>(rows_ * columns_, 1);
    to_ = unwritten_values<Scalar>(rows_ * columns_);
  }
  void run() override { transpose<Scalar>(rows_, columns_, {from_.data(), columns_}, {to_.data(), rows_}); }
  [[nodiscard]] std::string check() const override {
    return mismatch<Scalar>("transpose", view(to_), dense(Transpose::yes, from_, columns_, rows_));
  }

 private:
  std::ptrdiff_t rows_, columns_;
  Buffer<Scalar> from_, to_;
};

/// Y (N, out) = X (N, in) W^T, W (out, in); then dW = dY^T X and dX = dY W.
template <typename Scalar>
void add_layer(const std::string& prefix, std::ptrdiff_t rows, std::ptrdiff_t out, std::ptrdiff_t in,
               bool input_gradient, int max_blas_threads, KernelCases& cases) {
  std::vector<Product> products = {{"forward", Transpose::no, Transpose::yes, rows, out, in},
                                   {"dW", Transpose::yes, Transpose::no, out, in, rows}};
  if (input_gradient) products.push_back({"dX", Transpose::no, Transpose::no, rows, in, out});
  for (const Product& product : products) {
    const std::string name = prefix + '/' + std::string(product.name) + '/' + kPrecisionName<Scalar> + '/';
    const double flops =
        2.0 * static_cast<double>(product.m) * static_cast<double>(product.n) * static_cast<double>(product.k);
    const auto kernel = std::make_shared<GemmKernel<Scalar>>(openblas_products<Scalar>(), product);
    for (int threads = 1; threads <= std::min(max_blas_threads, 2); ++threads) {
      cases.push_back({.name = name + "blas_threads:" + std::to_string(threads),
                       .kernel = kernel,
                       .precision = kPrecisionOf<Scalar>,
                       .blas_threads = threads,
                       .flops = flops});
    }
    cases.push_back({.name = name + "direct",
                     .kernel = std::make_shared<GemmKernel<Scalar>>(direct_products<Scalar>(), product),
                     .precision = kPrecisionOf<Scalar>,
                     .flops = flops});
  }
}

template <typename Scalar>
void add_network(const Network& network, int max_blas_threads, KernelCases& cases) {
  for (const LinearLayer& layer : linear_layers(network)) {
    add_layer<Scalar>("gemm/" + layer.name, rows(network), layer.outputs, layer.inputs, layer.input_gradient,
                      max_blas_threads, cases);
    const std::string transposed = "transpose/" + layer.weight + '/' + kPrecisionName<Scalar>;
    if (std::ranges::find(cases, transposed, &KernelCase::name) != cases.end()) continue;  // of another batch size
    cases.push_back({.name = transposed,
                     .kernel = std::make_shared<TransposeKernel<Scalar>>(layer.outputs, layer.inputs),
                     .precision = kPrecisionOf<Scalar>,
                     .bytes = 2.0 * sizeof(Scalar) * static_cast<double>(layer.outputs * layer.inputs)});
  }
}

}  // namespace

KernelCases gemm_cases(int max_blas_threads) {
  KernelCases cases;
  for (const std::int64_t batch_size : {32, 128, 512}) add_network<float>(mlp(batch_size), max_blas_threads, cases);
  add_network<float>(small_transformer(), max_blas_threads, cases);
  add_network<float>(large_transformer(), max_blas_threads, cases);
  add_network<double>(mlp(128), /*max_blas_threads=*/1, cases);
  return cases;
}

}  // namespace stepbench::micro
