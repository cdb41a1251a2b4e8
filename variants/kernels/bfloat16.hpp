// A linear layer in bfloat16 (core/bfloat16.hpp): its three products, which read activations and weights of two bytes
// and sum in float32, the rounding of what they give, and the update of weights of two bytes.
//
// As in fused_product.hpp, but for what lies in memory: weights, their transposed copy, activations and their gradients
// are bfloat16; the gradient and the moments of a weight are float32, in panels of as many columns, so that an element
// has one place in all of them. A factor's element is widened when it is loaded, a row of the first factor once for
// many columns; a sum is float32 from its first term to the end, whatever the depth, and rounded once, to the nearest.
//
// The bits of an element depend on what fused_product.hpp says, and on nothing else; those that stochastic rounding
// draws on the parameter and the step.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/bfloat16.hpp"
#include "variants/kernels/fused_product.hpp"
#include "variants/kernels/kernels.hpp"
#include "variants/kernels/operand.hpp"
#include "variants/kernels/range.hpp"

namespace stepbench {

/// Elements from a row to the next of a row-major matrix (N, columns), as activation_stride.
[[nodiscard]] constexpr std::ptrdiff_t bfloat16_stride(std::ptrdiff_t columns) {
  constexpr std::ptrdiff_t kLine = 64 / sizeof(Bfloat16);
  return ((columns + kLine - 1) / kLine | 1) * kLine;
}

/// C (N, columns) = A (N, depth) B (depth, columns), summed in float32, and what is done to a sum before it is rounded
/// into C. Either a mask or a bias, or neither; ReLU and a result that is not rounded come with a bias alone.
struct Bfloat16Product {
  Operand<const Bfloat16> a;
  Panels<const Bfloat16> b;
  Operand<Bfloat16> c = {nullptr, 0};           // null where `unrounded` is not
  Operand<float> unrounded = {nullptr, 0};      // in place of C: (N, columns) in float32
  const Bfloat16* bias = nullptr;               // (columns) where not null: added to every row
  bool relu = false;                            // after the bias: what is below 0 becomes 0; NaN stays
  Operand<const Bfloat16> mask = {nullptr, 0};  // (N, columns) where not null: 0 where it is not above 0
};

/// Going forward and for dX, as fused_product.
void bfloat16_product(const Bfloat16Product& product, Range rows, Range columns);

/// Place in canonical order of element (row, column) of a matrix in panels.
struct CanonicalPlaces {
  std::uint32_t first, row, column;  // that of (0, 0), and how far the next row and the next column are from it
};

/// Parameters in bfloat16 and what goes with each, as far apart; null where there is none.
struct Bfloat16Parameters {
  Bfloat16* values;
  float* first = nullptr;  // the optimiser's moments
  float* second = nullptr;
  float* master = nullptr;  // these two: enum Precision in core/settings.hpp
  Bfloat16* compensation = nullptr;

  [[nodiscard]] Bfloat16Parameters from(std::ptrdiff_t offset) const {
    const auto moved = [offset](auto* data) { return data == nullptr ? nullptr : data + offset; };
    return {moved(values), moved(first), moved(second), moved(master), moved(compensation)};
  }
};

/// A weight (in, out) in panels.
struct Bfloat16Weight {
  std::ptrdiff_t inputs, outputs;
  Bfloat16Parameters parameters;
  Bfloat16* transposed = nullptr;  // (out, in), in panels of its own
  CanonicalPlaces places;
  [[nodiscard]] Panels<Bfloat16> panels() const { return {parameters.values, inputs, outputs}; }
};

/// How an updated weight gets back to two bytes where it has no master.
struct WeightRounding {
  bool stochastic = false;
  RoundingKey key;
};

/// gradient (in, out) = X^T dY.
void bfloat16_gradient(const LinearGradient<Bfloat16>& product, Range inputs, Range outputs, Panels<float> gradient);

/// The optimiser's step from that; the transposed copy follows.
void update_bfloat16(const float* gradient, const OptimizerStep<float>& rule, const WeightRounding& rounding,
                     Range inputs, Range outputs, const Bfloat16Weight& weight);

/// Both in one without a gradient in memory, with the same bits.
void train_bfloat16(const LinearGradient<Bfloat16>& product, const OptimizerStep<float>& rule,
                    const WeightRounding& rounding, Range inputs, Range outputs, const Bfloat16Weight& weight);

/// Of `rows` rows of P parameters each, one after the other.
void update_bfloat16_rows(const float* gradient, const OptimizerStep<float>& rule, ParameterRole role,
                          const WeightRounding& rounding, CanonicalPlaces places, std::ptrdiff_t rows,
                          const Bfloat16Parameters& parameters);

/// To the nearest.
void round_to_bfloat16(const float* from, std::ptrdiff_t count, Bfloat16* to);
void widen(const Bfloat16* from, std::ptrdiff_t count, float* to);

/// As sum_rows of kernels.hpp.
void sum_bfloat16_rows(const Bfloat16* rows, std::ptrdiff_t count, std::ptrdiff_t columns, std::ptrdiff_t stride,
                       float* sums);

}  // namespace stepbench
