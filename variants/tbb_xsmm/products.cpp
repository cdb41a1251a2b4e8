#include "variants/tbb_xsmm/products.hpp"

#include <libxsmm.h>

#include <algorithm>
#include <type_traits>

#include "core/buffer.hpp"
#include "core/error.hpp"
#include "core/isa.hpp"
#include "variants/kernels/direct_product.hpp"

namespace stepbench {
namespace {

// Of C. libxsmm is made for small matrices: its kernels cut neither rows nor columns to what a cache holds.
constexpr std::ptrdiff_t kRows = 32, kColumns = 64;

/// Before the first kernel is generated, by whichever thread is first.
void set_up_once() {
  static const bool done = [] {
    libxsmm_init();
    // Not wider than STEPBENCH_ISA allows; by itself it takes the widest that the CPU has.
    if (chosen_isa() == Isa::avx2) libxsmm_set_target_archid(LIBXSMM_X86_AVX2);
    if (chosen_isa() == Isa::portable) libxsmm_set_target_archid(LIBXSMM_X86_SSE3);
    return true;
  }();
  static_cast<void>(done);
}

template <typename Scalar>
using Kernel = std::conditional_t<std::is_same_v<Scalar, float>, libxsmm_smmfunction, libxsmm_dmmfunction>;

/// C (rows, columns) = A (rows, k) B (k, columns), or + C, all row-major: to libxsmm, whose matrices are column-major,
/// C^T = B^T A^T. Looked up where there is one of the shape, else generated.
template <typename Scalar>
Kernel<Scalar> kernel_for(std::ptrdiff_t rows, std::ptrdiff_t columns, std::ptrdiff_t k, std::ptrdiff_t a_stride,
                          std::ptrdiff_t b_stride, std::ptrdiff_t c_stride, bool accumulate) {
  const auto m = static_cast<libxsmm_blasint>(columns), n = static_cast<libxsmm_blasint>(rows),
             depth = static_cast<libxsmm_blasint>(k), lda = static_cast<libxsmm_blasint>(b_stride),
             ldb = static_cast<libxsmm_blasint>(a_stride), ldc = static_cast<libxsmm_blasint>(c_stride);
  const Scalar one = 1, beta = accumulate ? 1 : 0;
  const int no_flags = LIBXSMM_GEMM_FLAG_NONE;
  Kernel<Scalar> kernel;
  if constexpr (std::is_same_v<Scalar, float>) {
    kernel = libxsmm_smmdispatch(m, n, depth, &lda, &ldb, &ldc, &one, &beta, &no_flags, nullptr);
  } else {
    kernel = libxsmm_dmmdispatch(m, n, depth, &lda, &ldb, &ldc, &one, &beta, &no_flags, nullptr);
  }
  if (kernel == nullptr) throw Error("libxsmm generates no code on this machine");
  return kernel;
}

/// C (rows, columns) = alpha * T + beta * C
template <typename Scalar>
void add_tile(std::ptrdiff_t rows, std::ptrdiff_t columns, Scalar alpha, const Scalar* tile, Scalar beta,
              Operand<Scalar> c) {
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    Scalar* row = c.data + i * c.stride;
    for (std::ptrdiff_t j = 0; j < columns; ++j) {
      const Scalar product = alpha * tile[i * kColumns + j];
      row[j] = beta == 0 ? product : product + beta * row[j];
    }
  }
}

/// With A as it is multiplied, not transposed.
template <typename Scalar>
void multiply_in_tiles(std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, Scalar alpha, Operand<const Scalar> a,
                       Operand<const Scalar> b, Scalar beta, Operand<Scalar> c) {
  set_up_once();
  // Its kernels know no other factors.
  const bool straight = alpha == 1 && (beta == 0 || beta == 1);
  alignas(kCacheLine) Scalar tile[kRows * kColumns];
  for (std::ptrdiff_t j = 0; j < n; j += kColumns) {
    const std::ptrdiff_t columns = std::min(kColumns, n - j);
    for (std::ptrdiff_t i = 0; i < m; i += kRows) {
      const std::ptrdiff_t rows = std::min(kRows, m - i);
      Scalar* const out = c.data + i * c.stride + j;
      const auto kernel = kernel_for<Scalar>(rows, columns, k, a.stride, b.stride, straight ? c.stride : kColumns,
                                             straight && beta == 1);
      kernel(b.data + j, a.data + i * a.stride, straight ? out : tile);
      if (!straight) add_tile<Scalar>(rows, columns, alpha, tile, beta, {out, c.stride});
    }
  }
}

template <typename Scalar>
class XsmmProducts final : public Products<Scalar> {
 public:
  void multiply(Transpose transpose_a, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, Scalar alpha,
                Operand<const Scalar> a, Operand<const Scalar> b, Scalar beta, Operand<Scalar> c) const override {
    if (transpose_a == Transpose::no) return multiply_in_tiles(m, n, k, alpha, a, b, beta, c);
    thread_local Buffer<Scalar> transposed;
    transposed.resize(static_cast<std::size_t>(m * k));
    transpose<Scalar>(k, m, a, {transposed.data(), k});
    multiply_in_tiles<Scalar>(m, n, k, alpha, {transposed.data(), k}, b, beta, c);
  }
  void multiply_transposed(std::ptrdiff_t m, Range some, Scalar alpha, Operand<const Scalar> a,
                           const TransposedFactor<Scalar>& b, Scalar beta, Operand<Scalar> c) const override {
    multiply_in_tiles<Scalar>(m, some.size(), b.columns, alpha, a, {b.copy + some.begin, b.rows}, beta, c);
  }
  [[nodiscard]] std::ptrdiff_t copy_size(std::ptrdiff_t rows, std::ptrdiff_t columns) const override {
    return rows * columns;
  }
  void update_copy(Range some_rows, Range some_columns, Operand<const Scalar> b, std::ptrdiff_t rows, std::ptrdiff_t,
                   Scalar* copy) const override {
    transpose<Scalar>(some_rows.size(), some_columns.size(),
                      {b.data + some_rows.begin * b.stride + some_columns.begin, b.stride},
                      {copy + some_columns.begin * rows + some_rows.begin, rows});
  }
  [[nodiscard]] std::ptrdiff_t attention_panel() const override { return 32; }  // its tiles' rows
};

}  // namespace

template <typename Scalar>
const Products<Scalar>& xsmm_products() {
  static const XsmmProducts<Scalar> products;
  return products;
}

std::string xsmm_target() {
  set_up_once();
  return libxsmm_get_target_arch();
}

template const Products<float>& xsmm_products<float>();
template const Products<double>& xsmm_products<double>();

}  // namespace stepbench
