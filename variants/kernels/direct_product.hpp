// The matrix product from where the operands lie: attention's, and those of weights that must stay row by row. A
// general product such as OpenBLAS's first copies both operands into the order in which its kernel reads them; here
// rows of the second operand are read as they are, once B^T is kept beside a B that others are multiplied by
// transposed, and on huge pages (core/buffer.hpp) long strides cost nothing. The kernel is a tile of C in registers, as
// in Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008). Weights in panels:
// fused_product.hpp.
#pragma once

#include <cstddef>

#include "variants/kernels/operand.hpp"

namespace stepbench {

/// C (m, n) = alpha * op(A) (m, k) * B (k, n) + beta * C, row-major, for m, n and k of at least 1; with beta 0, C is
/// not read. The bits of an element of C depend on its row of op(A), its column of B and the scalars, and on nothing
/// else: not on m, n or its place.
template <typename Scalar>
void direct_product(Transpose transpose_a, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, Scalar alpha,
                    Operand<const Scalar> a, Operand<const Scalar> b, Scalar beta, Operand<Scalar> c);

/// to (columns, rows) = from (rows, columns) transposed.
template <typename Scalar>
void transpose(std::ptrdiff_t rows, std::ptrdiff_t columns, Operand<const Scalar> from, Operand<Scalar> to);

}  // namespace stepbench
