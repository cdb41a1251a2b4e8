// Whose matrix products a model takes. Implementations (products/) have no state, and the bits of a product depend on
// its operands and shape alone; they are called side by side from the tasks of a step.
#pragma once

#include <cstddef>
#include <memory>

#include "variants/kernels/linear_weight.hpp"
#include "variants/kernels/operand.hpp"
#include "variants/kernels/range.hpp"

namespace stepbench {

/// A matrix B (rows, columns) that others are multiplied by transposed, such as a layer's weights going forward, and
/// the copy of it that the products keep in the form that they like.
template <typename Scalar>
struct TransposedFactor {
  Operand<const Scalar> matrix;
  std::ptrdiff_t rows, columns;
  const Scalar* copy;  // of Products::copy_size elements, or null for none
};

template <typename Scalar>
class Products {
 public:
  Products() = default;
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;
  virtual ~Products() = default;

  /// C (m, n) = alpha * op(A) (m, k) * B (k, n) + beta * C, row-major, for m, n and k of at least 1; with beta 0, C is
  /// not read.
  virtual void multiply(Transpose transpose_a, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, Scalar alpha,
                        Operand<const Scalar> a, Operand<const Scalar> b, Scalar beta, Operand<Scalar> c) const = 0;

  /// C (m, some.size()) = alpha * A (m, b.columns) * (some rows of B)^T + beta * C.
  virtual void multiply_transposed(std::ptrdiff_t m, Range some, Scalar alpha, Operand<const Scalar> a,
                                   const TransposedFactor<Scalar>& b, Scalar beta, Operand<Scalar> c) const = 0;

  /// Elements of the copy of a B (rows, columns); 0 where B is read itself.
  [[nodiscard]] virtual std::ptrdiff_t copy_size(std::ptrdiff_t rows, std::ptrdiff_t columns) const = 0;
  /// Brings the copy (of copy_size elements, not 0) of B (rows, columns) up to date with some of its rows and columns.
  virtual void update_copy(Range some_rows, Range some_columns, Operand<const Scalar> b, std::ptrdiff_t rows,
                           std::ptrdiff_t columns, Scalar* copy) const = 0;

  /// A linear layer's weight in the form that the products like best; they outlive it. By default row-major
  /// (row_major_weight.hpp).
  [[nodiscard]] virtual std::unique_ptr<LinearWeight<Scalar>> make_weight(const WeightSettings& settings) const;
  /// Elements from a row to the next of a row-major matrix (N, columns) that they like to be given, from `columns` on.
  [[nodiscard]] virtual std::ptrdiff_t row_stride(std::ptrdiff_t columns) const { return columns; }

  /// Queries that attention takes at once: few skip most of the keys that the mask hides, many make a better product.
  [[nodiscard]] virtual std::ptrdiff_t attention_panel() const = 0;
};

}  // namespace stepbench
