// Products, rounding and updates of what lies in memory in bfloat16: ../bfloat16.hpp.
#pragma once

#include "core/bfloat16.hpp"
#include "variants/kernels/bfloat16.hpp"
#if defined(__AVX512BF16__)
#include "variants/kernels/isa/bfloat16_pairs.hpp"
#endif
#include "variants/kernels/isa/functions.hpp"
#include "variants/kernels/isa/fused_product.hpp"
#include "variants/kernels/isa/helpers.hpp"
#include "variants/kernels/isa/tile.hpp"
#include "variants/kernels/isa/transpose.hpp"

namespace stepbench {
namespace {
namespace isa {

void round_to_bfloat16(const float* from, std::ptrdiff_t count, Bfloat16* to) {
#pragma omp simd
  for (std::ptrdiff_t i = 0; i < count; ++i) to[i].bits = bfloat16_bits(from[i]);
}

void widen(const Bfloat16* from, std::ptrdiff_t count, float* to) {
#pragma omp simd
  for (std::ptrdiff_t i = 0; i < count; ++i) to[i] = float_of_bits(from[i].bits);
}

void sum_bfloat16_rows(const Bfloat16* rows, std::ptrdiff_t count, std::ptrdiff_t columns, std::ptrdiff_t stride,
                       float* sums) {
  fill_zero(sums, columns);
  for (std::ptrdiff_t b = 0; b < count; ++b) {
    const Bfloat16* row = rows + b * stride;
#pragma omp simd
    for (std::ptrdiff_t j = 0; j < columns; ++j) sums[j] += float_of_bits(row[j].bits);
  }
}

#if !defined(__AVX512BF16__)
// A sum longer than this goes on from what is there, in float32. Chosen so that a tile's rows of A, widened, and its
// sums stay in the first-level cache for all columns of a group, and not measured against others: 30 and 7 KB with
// AVX-512, 12 and 2 KB with AVX2.
constexpr std::ptrdiff_t kWidenedDepth = 512;
constexpr std::ptrdiff_t kWidenedStride = kWidenedDepth + kLanes<float>;

/// sums (rows, columns), row-major with a stride, = rows of A times columns of B. At most kMaxRows rows.
void sum_bfloat16_products(const Bfloat16Product& p, Range rows, Range columns, float* sums, std::ptrdiff_t stride) {
  alignas(kVectorBytes) float a[static_cast<std::size_t>(kMaxRows * kWidenedStride)];
  for (std::ptrdiff_t done = 0; done < p.b.rows; done += kWidenedDepth) {
    const std::ptrdiff_t depth = least(kWidenedDepth, p.b.rows - done);
    for (std::ptrdiff_t i = 0; i < rows.size(); ++i) {
      isa::widen(p.a.data + (rows.begin + i) * p.a.stride + done, depth, a + i * kWidenedStride);
    }
    const Tiles<float, Bfloat16> tiles{.depth = depth,
                                       .a = {a, kWidenedStride},
                                       .b = grid(p.b).from(done, columns.begin),
                                       .c = {sums, stride, kPanelColumns<float>},
                                       .write_out = {.beta = done > 0 ? 1.0F : 0.0F}};
    for_tile_columns<float>({0, columns.size()}, [&](std::ptrdiff_t j, std::ptrdiff_t some) {
      run_tile<float, RowsOf::a, kMaxRows>(tiles, 0, rows.size(), j, some);
    });
  }
}
#endif

constexpr std::ptrdiff_t kSumColumns = kGroupTiles * std::ptrdiff_t{kTileVectors} * kLanes<float>;

/// A row of finished sums, from column `first` of C on.
inline void finish_row(const Bfloat16Product& p, const float* sums, std::ptrdiff_t row, std::ptrdiff_t first,
                       std::ptrdiff_t columns) {
  Bfloat16* c = p.c.data == nullptr ? nullptr : p.c.data + row * p.c.stride + first;
  if (p.mask.data != nullptr) {
    const Bfloat16* mask = p.mask.data + row * p.mask.stride + first;
#pragma omp simd
    for (std::ptrdiff_t j = 0; j < columns; ++j)
      c[j].bits = bfloat16_bits(float_of_bits(mask[j].bits) > 0 ? sums[j] : 0.0F);
    return;
  }
  if (p.bias == nullptr) {
    isa::round_to_bfloat16(sums, columns, c);
    return;
  }
  const Bfloat16* bias = p.bias + first;
  const float least_value = p.relu ? 0.0F : -__builtin_inff();
  if (c != nullptr) {
#pragma omp simd
    for (std::ptrdiff_t j = 0; j < columns; ++j) {
      const float z = sums[j] + float_of_bits(bias[j].bits);
      c[j].bits = bfloat16_bits(z < least_value ? least_value : z);
    }
  } else {
    float* unrounded = p.unrounded.data + row * p.unrounded.stride + first;
#pragma omp simd
    for (std::ptrdiff_t j = 0; j < columns; ++j) {
      const float z = sums[j] + float_of_bits(bias[j].bits);
      unrounded[j] = z < least_value ? least_value : z;
    }
  }
}

void bfloat16_product(const Bfloat16Product& p, Range rows, Range columns) {
  alignas(kVectorBytes) float sums[static_cast<std::size_t>(kMaxRows * kSumColumns)];
  for (std::ptrdiff_t group = columns.begin; group < columns.end; group += kSumColumns) {
    const std::ptrdiff_t width = least(kSumColumns, columns.end - group);
    for_tile_rows<kMaxRows>(rows, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
      sum_bfloat16_products(p, {first, first + count}, {group, group + width}, sums, kSumColumns);
      for (std::ptrdiff_t i = 0; i < count; ++i) finish_row(p, sums + i * kSumColumns, first + i, group, width);
    });
  }
}

void bfloat16_gradient(const LinearGradient<Bfloat16>& product, Range inputs, Range outputs, Panels<float> gradient) {
  for_blocks<float>(inputs, outputs, [&](Range some_inputs, Range some_outputs) {
    multiply_block<float>(product, some_inputs, some_outputs, 0.0F, grid(gradient).from(some_inputs.begin, 0));
  });
}

/// Where an updated weight goes.
enum class To { nearest, stochastic, compensated, compensated_stochastic, master };

template <Optimizer kOptimizer, To kTo>
void update_rows(const float* gradient, const OptimizerStep<float>& rule, ParameterRole role, RoundingKey key,
                 CanonicalPlaces places, std::ptrdiff_t rows, const Bfloat16Parameters& parameters) {
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Bfloat16>;
  constexpr bool kStochastic = kTo == To::stochastic || kTo == To::compensated_stochastic;
  const OptimizerStep<float> r = rule;  // a copy: no store changes it
  const Bfloat16Parameters to = parameters;
  const float shrink = role == ParameterRole::matrix ? r.decoupled_rate : 0.0F;
  for (std::ptrdiff_t row = 0; row < rows; ++row) {
    const std::uint32_t first = places.first + static_cast<std::uint32_t>(row) * places.row;
    const std::ptrdiff_t begin = row * kColumns;
#pragma omp simd
    for (std::ptrdiff_t l = 0; l < kColumns; ++l) {
      const std::ptrdiff_t i = begin + l;
      float w;
      if constexpr (kTo == To::master) {
        w = to.master[i];
      } else {
        w = float_of_bits(to.values[i].bits);
      }
      const float g = r.gradient_scale * gradient[i] + r.coupled_decay * w;
      float step;
      if constexpr (kOptimizer == Optimizer::sgd) {
        step = -r.learning_rate * g;
      } else if constexpr (kOptimizer == Optimizer::momentum) {
        to.first[i] = r.momentum * to.first[i] + g;
        step = -r.learning_rate * to.first[i];
      } else {
        to.first[i] = r.beta1 * to.first[i] + (1 - r.beta1) * g;
        to.second[i] = r.beta2 * to.second[i] + (1 - r.beta2) * g * g;
        step = -shrink * w - r.step_size * to.first[i] / (root(to.second[i]) * r.inverse_root_bias2 + r.epsilon);
      }
      std::uint32_t random = 0;
      if constexpr (kStochastic) random = rounding_bits(key, first + static_cast<std::uint32_t>(l) * places.column);
      if constexpr (kTo == To::master) {
        to.master[i] = w + step;
        to.values[i].bits = bfloat16_bits(w + step);
      } else if constexpr (kTo == To::compensated || kTo == To::compensated_stochastic) {
        const float y = step - float_of_bits(to.compensation[i].bits);
        const std::uint16_t moved = kStochastic ? bfloat16_bits(w + y, random) : bfloat16_bits(w + y);
        to.compensation[i].bits = bfloat16_bits((float_of_bits(moved) - w) - y);
        to.values[i].bits = moved;
      } else {
        to.values[i].bits = kStochastic ? bfloat16_bits(w + step, random) : bfloat16_bits(w + step);
      }
    }
  }
}

template <To kTo, typename... Arguments>
void update_rows_by(const OptimizerStep<float>& rule, const float* gradient, const Arguments&... arguments) {
  switch (rule.optimizer) {
    case Optimizer::sgd:
      return update_rows<Optimizer::sgd, kTo>(gradient, rule, arguments...);
    case Optimizer::momentum:
      return update_rows<Optimizer::momentum, kTo>(gradient, rule, arguments...);
    case Optimizer::adam:
    case Optimizer::adamw:
      return update_rows<Optimizer::adam, kTo>(gradient, rule, arguments...);
  }
}

void update_bfloat16_rows(const float* gradient, const OptimizerStep<float>& rule, ParameterRole role,
                          const WeightRounding& rounding, CanonicalPlaces places, std::ptrdiff_t rows,
                          const Bfloat16Parameters& parameters) {
  const auto run = [&]<To kTo>() { update_rows_by<kTo>(rule, gradient, role, rounding.key, places, rows, parameters); };
  if (parameters.master != nullptr) return run.template operator()<To::master>();
  if (parameters.compensation != nullptr) {
    return rounding.stochastic ? run.template operator()<To::compensated_stochastic>()
                               : run.template operator()<To::compensated>();
  }
  return rounding.stochastic ? run.template operator()<To::stochastic>() : run.template operator()<To::nearest>();
}

/// Brings the transposed copy up to date with a block of the weight, by float32, whose squares are transposed in
/// registers.
inline void transpose_bfloat16(const Bfloat16Weight& weight, Range inputs, Range outputs) {
  if (weight.transposed == nullptr) return;
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Bfloat16>, kSquare = kColumns * kColumns;
  alignas(kVectorBytes) float square[kSquare], mirrored[kSquare];
  const Grid<Bfloat16> from = grid(weight.panels());
  const Grid<Bfloat16> to = grid(Panels<Bfloat16>{weight.transposed, weight.outputs, weight.inputs});
  for (std::ptrdiff_t j = outputs.begin; j < outputs.end; j += kColumns) {
    for (std::ptrdiff_t i = inputs.begin; i < inputs.end; i += kColumns) {
      isa::widen(from.from(i, j).data, kSquare, square);
      transpose<float>(kColumns, kColumns, {square, kColumns}, {mirrored, kColumns});
      Bfloat16* const halves = to.from(j, i).data;
#pragma omp simd
      for (std::ptrdiff_t k = 0; k < kSquare; ++k) {
        halves[k].bits = static_cast<std::uint16_t>(__builtin_bit_cast(std::uint32_t, mirrored[k]) >> 16U);
      }
    }
  }
}

/// From the gradient of a block, in panels that begin with it.
inline void update_bfloat16_block(Grid<const float> gradient, const OptimizerStep<float>& rule,
                                  const WeightRounding& rounding, Range inputs, Range outputs,
                                  const Bfloat16Weight& weight) {
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Bfloat16>;
  const CanonicalPlaces& places = weight.places;
  for (std::ptrdiff_t j = outputs.begin; j < outputs.end; j += kColumns) {
    const Bfloat16* first = grid(weight.panels()).from(inputs.begin, j).data;
    const std::uint32_t place = places.first + static_cast<std::uint32_t>(inputs.begin) * places.row +
                                static_cast<std::uint32_t>(j) * places.column;
    isa::update_bfloat16_rows(gradient.from(0, j - outputs.begin).data, rule, ParameterRole::matrix, rounding,
                              {place, places.row, places.column}, inputs.size(),
                              weight.parameters.from(first - weight.parameters.values));
  }
  transpose_bfloat16(weight, inputs, outputs);
}

void update_bfloat16(const float* gradient, const OptimizerStep<float>& rule, const WeightRounding& rounding,
                     Range inputs, Range outputs, const Bfloat16Weight& weight) {
  const Grid<const float> all = grid(Panels<const float>{gradient, weight.inputs, weight.outputs});
  for_blocks<float>(inputs, outputs, [&](Range some_inputs, Range some_outputs) {
    update_bfloat16_block(all.from(some_inputs.begin, some_outputs.begin), rule, rounding, some_inputs, some_outputs,
                          weight);
  });
}

void train_bfloat16(const LinearGradient<Bfloat16>& product, const OptimizerStep<float>& rule,
                    const WeightRounding& rounding, Range inputs, Range outputs, const Bfloat16Weight& weight) {
  for_block_gradients<float>(product, inputs, outputs,
                             [&](Range some_inputs, Range some_outputs, Grid<const float> gradient) {
                               update_bfloat16_block(gradient, rule, rounding, some_inputs, some_outputs, weight);
                             });
}

}  // namespace isa

constexpr Bfloat16Functions kBfloat16Functions = {.product = isa::bfloat16_product,
                                                  .gradient = isa::bfloat16_gradient,
                                                  .update = isa::update_bfloat16,
                                                  .update_rows = isa::update_bfloat16_rows,
                                                  .train = isa::train_bfloat16,
                                                  .round = isa::round_to_bfloat16,
                                                  .widen = isa::widen,
                                                  .sum_rows = isa::sum_bfloat16_rows};

}  // namespace
}  // namespace stepbench
