// The three matrix products of a linear layer, from weights that lie as the products read them, with what follows a
// product done while its result is still in registers: bias and ReLU, ReLU's derivative, the optimiser's step.
//
// Letters: N rows of a batch (samples, or tokens), in and out a layer's sizes, P = kPanelColumns. Activations and their
// gradients are row-major with any stride; `activation_stride` says which is fast. A weight is kept as W^T (in, out) in
// panels, the layout of its gradient and moments, too: Y = X W^T reads it and dW^T = X^T dY writes it, both with the
// lanes along out, so that the product going forward needs no copy. Where dX = dY W is wanted, W (out, in) is kept
// beside it, in panels too, and each block of it is written when the master's has just been.
//
// Every function works on a part of the result by itself: a range of rows and of columns, or of inputs and outputs.
// Parts that do not overlap may be computed side by side. The bits of an element depend on its row of the first factor,
// its column of the second and the depth, and on nothing else: not on the ranges, nor its place in them.
//
// Left out: other activations than ReLU (transformer_kernels.hpp has them as passes), and gradients of biases, which
// sum_rows (kernels.hpp) adds up.
#pragma once

#include <cstddef>

#include "core/bfloat16.hpp"
#include "variants/kernels/kernels.hpp"
#include "variants/kernels/operand.hpp"
#include "variants/kernels/range.hpp"

namespace stepbench {

/// Columns of a panel: a cache line of a row. Ranges of columns begin at a multiple of it and end at one or at the
/// matrix's last column; so do ranges of inputs and outputs. Ranges of rows are free.
template <typename Scalar>
inline constexpr std::ptrdiff_t kPanelColumns = 64 / sizeof(Scalar);
/// Half a line: an element stands where it does among float32 that go with it.
template <>
inline constexpr std::ptrdiff_t kPanelColumns<Bfloat16> = kPanelColumns<float>;
template <>
inline constexpr std::ptrdiff_t kPanelColumns<const Bfloat16> = kPanelColumns<float>;

/// Elements from a row to the next of a row-major matrix (N, columns): an odd number of cache lines, since rows whose
/// places in memory differ by a multiple of 1 KB or more share a few places in the first-level cache.
template <typename Scalar>
[[nodiscard]] constexpr std::ptrdiff_t activation_stride(std::ptrdiff_t columns) {
  constexpr std::ptrdiff_t kLine = kPanelColumns<Scalar>;
  return ((columns + kLine - 1) / kLine | 1) * kLine;
}

/// A matrix (rows, columns) as [panels of P columns][rows][P], on a cache line, with room for whole squares of P x P
/// and an odd number of lines to a panel. What lies behind the last row and column is never read into an element; it
/// stays 0 where it begins as 0.
template <typename Scalar>
struct Panels {
  Scalar* data;
  std::ptrdiff_t rows, columns;

  /// Elements from a panel to the next.
  [[nodiscard]] constexpr std::ptrdiff_t stride() const {
    constexpr std::ptrdiff_t kColumns = kPanelColumns<Scalar>;
    return ((rows + kColumns - 1) / kColumns * kColumns | 1) * kColumns;
  }
  /// Elements of all.
  [[nodiscard]] constexpr std::ptrdiff_t size() const {
    return (columns + kPanelColumns<Scalar> - 1) / kPanelColumns<Scalar> * stride();
  }
};

/// C (N, columns) = A (N, depth) B (depth, columns), and what is done to an element before it is written, in this
/// order. Sizes are at least 1.
template <typename Scalar>
struct FusedProduct {
  Operand<const Scalar> a;
  Panels<const Scalar> b;
  Operand<Scalar> c;
  bool accumulate = false;                    // C is added
  const Scalar* bias = nullptr;               // (columns), added
  bool relu = false;                          // negative values become 0; NaN stays
  Operand<const Scalar> mask = {nullptr, 0};  // (N, columns) where not null: C is 0 where it is not above 0
};

/// Going forward: a X, b the master (in, out). For dX: a dY, b the transposed copy (out, in), mask the activations.
template <typename Scalar>
void fused_product(const FusedProduct<Scalar>& product, Range rows, Range columns);

/// A weight and what goes with it, in panels.
template <typename Scalar>
struct WeightPanels {
  Panels<Scalar> master;         // (in, out)
  Scalar* transposed = nullptr;  // (out, in), or null for none
  Scalar* first = nullptr;       // the optimiser's moments as update_slice wants them, in the master's layout
  Scalar* second = nullptr;
};

/// Panels that a tile's columns are at most, of any instruction set: isa/fused_product.hpp holds its tiles to it.
inline constexpr std::ptrdiff_t kLeafSlotPanels = 4;
/// Elements of what weight_gradient needs besides for a sum by leaves, of so many rows.
template <typename Scalar>
[[nodiscard]] constexpr std::ptrdiff_t leaf_scratch_size(std::ptrdiff_t rows, std::ptrdiff_t leaf_rows) {
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Scalar>;
  std::ptrdiff_t slots = 0;
  for (std::ptrdiff_t leaves = (rows + leaf_rows - 1) / leaf_rows; leaves > 1; leaves = (leaves + 1) / 2) ++slots;
  return rows * kColumns + slots * kLeafSlotPanels * kColumns * kColumns;
}

/// gradient (in, out) = X^T dY, the transposed dW. `scratch`: for a sum by leaves.
template <typename Scalar>
void weight_gradient(const LinearGradient<Scalar>& product, Range inputs, Range outputs, Panels<Scalar> gradient,
                     Scalar* scratch = nullptr);

/// The optimiser's step (that of matrices) without a gradient in memory. The bits are those of weight_gradient and
/// update_weights; the transposed copy follows.
template <typename Scalar>
void fused_update(const LinearGradient<Scalar>& product, const OptimizerStep<Scalar>& rule, Range inputs, Range outputs,
                  const WeightPanels<Scalar>& weight);

/// The optimiser's step from a gradient in the master's layout, by update_slice; the transposed copy follows.
template <typename Scalar>
void update_weights(const Scalar* gradient, const OptimizerStep<Scalar>& rule, Range inputs, Range outputs,
                    const WeightPanels<Scalar>& weight);

/// From and to the canonical order, row-major (out, in): panels (in, out), and for `to_panels` the copy (out, in), too.
template <typename Scalar>
void to_panels(const Scalar* canonical, const WeightPanels<Scalar>& weight);
template <typename Scalar>
void from_panels(Panels<const Scalar> panels, Scalar* canonical);

/// The sum of squares of a block, in double, panel by panel. What lies behind the last column is 0.
template <typename Scalar>
[[nodiscard]] double panel_sum_of_squares(Panels<const Scalar> panels, Range rows, Range columns);

}  // namespace stepbench
