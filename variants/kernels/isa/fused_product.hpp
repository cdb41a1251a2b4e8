// The products of a linear layer from panels.
#pragma once

#include "variants/kernels/fused_product.hpp"
#include "variants/kernels/isa/direct_product.hpp"
#include "variants/kernels/isa/elementwise.hpp"
#include "variants/kernels/isa/helpers.hpp"
#include "variants/kernels/isa/tile.hpp"
#include "variants/kernels/isa/transpose.hpp"

namespace stepbench {
namespace {
namespace isa {

template <typename Scalar>
void fused_product(const FusedProduct<Scalar>& p, Range rows, Range columns) {
  const WriteOut<Scalar> write_out{
      .beta = p.accumulate ? Scalar{1} : Scalar{0}, .bias = p.bias, .relu = p.relu, .mask = p.mask};
  multiply<Scalar, RowsOf::a>(p.a, grid(p.b), p.b.rows, grid(p.c), rows, columns, write_out);
}

// dW^T = X^T dY goes block by block: a strip of inputs by a group of outputs, whose columns of dY stay in the
// second-level cache. P inputs at a time, their columns of X are copied apart: they lie a row of X from each other, and
// every tile reads them.
//
// With the copy against without, percent of the FMA peak of the whole MLP step (784-512-256-10, float32, SGD, one
// thread of an AMD EPYC, Zen 5) at batch 32, 128, 512: AVX-512 88, 95, 95 and 88, 95, 93; AVX2 96, 102, 99 and 95,
// 95, 97. kGroupPanels of 8, 16 and all 32: AVX-512 88, 94.5, 93 and 88, 95, 95 and 88, 95.5, 94. kStripPanels of 1 and
// of 8, with Adam: AVX-512 70, 88, 89 and 72, 89, 90; AVX2 81, 94, 95 and 81, 95, 95.

constexpr std::ptrdiff_t kGroupPanels = 16, kStripPanels = 8;

/// The height of the highest tile that P inputs are cut into.
template <typename Scalar>
constexpr std::ptrdiff_t kCutsOfPanel = (kPanelColumns<Scalar> + kMaxRows - 1) / kMaxRows;
template <typename Scalar>
constexpr std::ptrdiff_t kInputTileRows = (kPanelColumns<Scalar> + kCutsOfPanel<Scalar> - 1) / kCutsOfPanel<Scalar>;

// Rows of the batch that dW sums at once: a tile's inputs, copied, stay in L1 beside the other factor. Measured on an
// AMD Zen 5, one core, AVX-512 and AVX2, against kMaxDepth (1024): a transformer of D 128, 1024 tokens a batch, 2%
// faster a step, an MLP at batch 512 the same; 512 gave AVX-512 as much and AVX2 nothing.
constexpr std::ptrdiff_t kSummedRows = 256;

/// Calls work(inputs, outputs) block by block.
template <typename Scalar, typename Work>
[[gnu::always_inline]] inline void for_blocks(Range inputs, Range outputs, const Work& work) {
  constexpr std::ptrdiff_t kGroup = kGroupPanels * kPanelColumns<Scalar>, kStrip = kStripPanels * kPanelColumns<Scalar>;
  for (std::ptrdiff_t j = outputs.begin; j < outputs.end; j += kGroup) {
    for (std::ptrdiff_t i = inputs.begin; i < inputs.end; i += kStrip) {
      work(Range{i, least(inputs.end, i + kStrip)}, Range{j, least(outputs.end, j + kGroup)});
    }
  }
}

/// to (count, P) = columns (count, at most P) of X.
[[maybe_unused]] void copy_columns(Operand<const Bfloat16> from, std::ptrdiff_t columns, std::ptrdiff_t count,
                                   float* to) {
  constexpr std::ptrdiff_t kColumns = kPanelColumns<float>;
  for (std::ptrdiff_t k = 0; k < count; ++k) {
    const Bfloat16* row = from.data + k * from.stride;
    if (columns == kColumns) {
      for (std::ptrdiff_t i = 0; i < kColumns; i += kLanes<float>) store<float>(load(row + i), to + k * kColumns + i);
    } else {
      for (std::ptrdiff_t i = 0; i < columns; ++i) to[k * kColumns + i] = to_float(row[i]);
    }
  }
}
template <typename Scalar>
void copy_columns(Operand<const Scalar> from, std::ptrdiff_t columns, std::ptrdiff_t count, Scalar* to) {
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Scalar>;
  if (columns == kColumns) {
    for (std::ptrdiff_t k = 0; k < count; ++k) {
      std::memcpy(to + k * kColumns, from.data + k * from.stride, sizeof(Scalar) * kColumns);
    }
    return;
  }
  for (std::ptrdiff_t k = 0; k < count; ++k) {
    for (std::ptrdiff_t i = 0; i < columns; ++i) to[k * kColumns + i] = from.data[k * from.stride + i];
  }
}

/// c (inputs, outputs) = X^T dY or, with a descent, c - descent X^T dY. `c` is where the first of the inputs and output
/// 0 of the matrix would stand.
template <typename Scalar, typename Stored>
void multiply_block(const LinearGradient<Stored>& p, Range inputs, Range outputs, Scalar descent, Grid<Scalar> c) {
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Scalar>;
  alignas(kVectorBytes) Scalar x[static_cast<std::size_t>(kSummedRows * kColumns)];
  for (std::ptrdiff_t first = inputs.begin; first < inputs.end; first += kColumns) {
    const std::ptrdiff_t some = least(kColumns, inputs.end - first);
    for (std::ptrdiff_t done = 0; done < p.rows; done += kSummedRows) {
      const std::ptrdiff_t depth = least(kSummedRows, p.rows - done);
      copy_columns(Operand<const Stored>{p.input.data + done * p.input.stride + first, p.input.stride}, some, depth, x);
      const Tiles<Scalar, Stored> tiles{.depth = depth,
                                        .a = {x, kColumns},
                                        .b = grid(p.output_gradient).from(done, 0),
                                        .c = c.from(first - inputs.begin, 0),
                                        .write_out = {.beta = done > 0 ? Scalar{1} : Scalar{0}, .descent = descent}};
      for_tile_columns<Scalar>(outputs, [&](std::ptrdiff_t j, std::ptrdiff_t width) {
        for_tile_rows<kInputTileRows<Scalar>>({0, some}, [&](std::ptrdiff_t i, std::ptrdiff_t count) {
          run_tile<Scalar, RowsOf::a_transposed, kInputTileRows<Scalar>>(tiles, i, count, j, width);
        });
      });
    }
  }
}

/// Calls work(inputs, outputs, gradient) block by block; the gradient is in panels that begin with the block, and zeros
/// behind its last output.
template <typename Scalar, typename Stored, typename Work>
[[gnu::always_inline]] inline void for_block_gradients(const LinearGradient<Stored>& product, Range inputs,
                                                       Range outputs, const Work& work) {
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Scalar>, kPanel = kStripPanels * kColumns * kColumns;
  alignas(kVectorBytes) Scalar block[static_cast<std::size_t>(kGroupPanels * kPanel)];
  const Grid<Scalar> gradient{block, kColumns, kPanel};
  for_blocks<Scalar>(inputs, outputs, [&](Range some_inputs, Range some_outputs) {
    const std::ptrdiff_t whole = some_outputs.size() / kColumns * kColumns;
    if (whole < some_outputs.size()) fill_zero(gradient.from(0, whole).data, kPanel);
    const Operand<const Stored> dy{product.output_gradient.data + some_outputs.begin, product.output_gradient.stride};
    multiply_block<Scalar>(LinearGradient<Stored>{dy, product.input, product.rows}, some_inputs,
                           {0, some_outputs.size()}, Scalar{0}, gradient);
    work(some_inputs, some_outputs, Grid<const Scalar>{block, kColumns, kPanel});
  });
}

/// Brings the transposed copy up to date with a block of the master.
template <typename Scalar>
void transpose_block_of(const WeightPanels<Scalar>& weight, Range inputs, Range outputs) {
  if (weight.transposed == nullptr) return;
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Scalar>;
  const Grid<Scalar> from = grid(weight.master);
  const Grid<Scalar> to = grid(Panels<Scalar>{weight.transposed, weight.master.columns, weight.master.rows});
  for (std::ptrdiff_t j = outputs.begin; j < outputs.end; j += kColumns) {
    for (std::ptrdiff_t i = inputs.begin; i < inputs.end; i += kColumns) {
      const Grid<Scalar> square = from.from(i, j), mirrored = to.from(j, i);
      transpose<Scalar>(kColumns, kColumns, {square.data, kColumns}, {mirrored.data, kColumns});
    }
  }
}

/// The optimiser's step of a block from its gradient, and the transposed copy.
template <typename Scalar>
void update_block(Grid<const Scalar> gradient, const OptimizerStep<Scalar>& rule, Range inputs, Range outputs,
                  const WeightPanels<Scalar>& weight) {
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Scalar>;
  const Grid<Scalar> master = grid(weight.master);
  for (std::ptrdiff_t j = outputs.begin; j < outputs.end; j += kColumns) {
    Scalar* parameters = master.from(inputs.begin, j).data;
    const std::ptrdiff_t offset = parameters - master.data;
    isa::update_slice<Scalar>(rule, ParameterRole::matrix, inputs.size() * kColumns,
                              gradient.from(0, j - outputs.begin).data, parameters,
                              weight.first == nullptr ? nullptr : weight.first + offset,
                              weight.second == nullptr ? nullptr : weight.second + offset);
  }
  transpose_block_of(weight, inputs, outputs);
}

/// sum_in_tree (core/summation_tree.hpp), where a leaf that is a right child by itself is added to the sum of the left
/// one: leaf(i, slot, added). The bits are the same, as a leaf that is one sum of a tile's is added last.
template <typename Leaf, typename Join>
void sum_leaves(std::ptrdiff_t begin, std::ptrdiff_t end, std::ptrdiff_t slot, bool adds, const Leaf& leaf,
                const Join& join) {
  if (end - begin == 1) {
    leaf(begin, slot, false);
    return;
  }
  std::ptrdiff_t left = 1;
  while (2 * left < end - begin) left *= 2;
  const std::ptrdiff_t middle = begin + left;
  sum_leaves(begin, middle, slot, adds, leaf, join);
  if (adds && end - middle == 1) {
    leaf(middle, slot, true);
    return;
  }
  sum_leaves(middle, end, slot + 1, adds, leaf, join);
  join(slot);
}

/// A block of a gradient, tile by tile, and each tile leaf by leaf, while it is in the first-level cache: P inputs by a
/// tile's columns. `c` as multiply_block's. `scratch`: X's columns of all rows, and the tree's slots but the first,
/// which is the tile.
//
// A leaf after the other over a whole block: a step of 784-512-256-10 on one thread at batch 512, leaves of 32 rows,
// was 15% slower than without leaves (AVX-512, AMD Zen 5).
template <typename Scalar>
void sum_block(const LinearGradient<Scalar>& p, Range inputs, Range outputs, Grid<Scalar> c, Scalar* scratch) {
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Scalar>;
  static_assert(std::ptrdiff_t{kTileVectors} * kLanes<Scalar> <= kLeafSlotPanels * kColumns);
  Scalar* const slots = scratch + p.rows * kColumns;
  const std::ptrdiff_t leaves = (p.rows + p.leaf_rows - 1) / p.leaf_rows;
  for (std::ptrdiff_t first = inputs.begin; first < inputs.end; first += kColumns) {
    const std::ptrdiff_t some = least(kColumns, inputs.end - first);
    copy_columns(Operand<const Scalar>{p.input.data + first, p.input.stride}, some, p.rows, scratch);
    for_tile_columns<Scalar>(outputs, [&](std::ptrdiff_t j, std::ptrdiff_t width) {
      const auto slot_of = [=](std::ptrdiff_t slot) {
        constexpr std::ptrdiff_t kPanel = kColumns * kColumns;
        return slot == 0 ? c.from(first - inputs.begin, j)
                         : Grid<Scalar>{slots + (slot - 1) * kLeafSlotPanels * kPanel, kColumns, kPanel};
      };
      const auto leaf = [&](std::ptrdiff_t i, std::ptrdiff_t slot, bool added) {
        const std::ptrdiff_t end = least((i + 1) * p.leaf_rows, p.rows);
        for (std::ptrdiff_t row = i * p.leaf_rows; row < end; row += kSummedRows) {
          const bool continued = added || row > i * p.leaf_rows;
          const Tiles<Scalar> tiles{.depth = least(kSummedRows, end - row),
                                    .a = {scratch + row * kColumns, kColumns},
                                    .b = grid(p.output_gradient).from(row, j),
                                    .c = slot_of(slot),
                                    .write_out = {.beta = continued ? Scalar{1} : Scalar{0}}};
          for_tile_rows<kInputTileRows<Scalar>>({0, some}, [&](std::ptrdiff_t r, std::ptrdiff_t count) {
            run_tile<Scalar, RowsOf::a_transposed, kInputTileRows<Scalar>>(tiles, r, count, 0, width);
          });
        }
      };
      const auto join = [&](std::ptrdiff_t slot) {
        const Grid<Scalar> to = slot_of(slot), from = slot_of(slot + 1);
        for (std::ptrdiff_t i = 0; i < some; ++i) {
          for (std::ptrdiff_t k = 0; k < width; k += kColumns) {
            Scalar* __restrict sum = to.from(i, k).data;
            const Scalar* __restrict added = from.from(i, k).data;
            for (std::ptrdiff_t l = 0; l < least(kColumns, width - k); ++l) sum[l] += added[l];
          }
        }
      };
      sum_leaves(0, leaves, 0, p.leaf_rows <= kSummedRows, leaf, join);
    });
  }
}

template <typename Scalar>
void weight_gradient(const LinearGradient<Scalar>& product, Range inputs, Range outputs, Panels<Scalar> gradient,
                     Scalar* scratch) {
  const bool by_leaves = product.leaf_rows > 0 && product.leaf_rows < product.rows;
  for_blocks<Scalar>(inputs, outputs, [&](Range some_inputs, Range some_outputs) {
    const Grid<Scalar> block = grid(gradient).from(some_inputs.begin, 0);
    if (by_leaves) {
      sum_block(product, some_inputs, some_outputs, block, scratch);
    } else {
      multiply_block(product, some_inputs, some_outputs, Scalar{0}, block);
    }
  });
}

/// Plain SGD leaves with the tile. Other rules want a block's gradient first, which stays in the cache. Both ways, as
/// above: SGD, AVX-512 88, 94 and 81, 90 percent at batch 32 and 128, AVX2 95, 99 and 88, 97; Adam, whose roots and
/// quotients make a tile wait, AVX-512 68, 88 and 72, 89, AVX2 76, 94 and 81, 95.
template <typename Scalar>
void fused_update(const LinearGradient<Scalar>& product, const OptimizerStep<Scalar>& rule, Range inputs, Range outputs,
                  const WeightPanels<Scalar>& weight) {
  const bool plain = rule.optimizer == Optimizer::sgd && rule.gradient_scale == 1 && rule.coupled_decay == 0 &&
                     rule.learning_rate != 0 && product.rows <= kSummedRows;
  if (plain) {
    for_blocks<Scalar>(inputs, outputs, [&](Range some_inputs, Range some_outputs) {
      multiply_block(product, some_inputs, some_outputs, rule.learning_rate,
                     grid(weight.master).from(some_inputs.begin, 0));
      transpose_block_of(weight, some_inputs, some_outputs);
    });
    return;
  }
  for_block_gradients<Scalar>(product, inputs, outputs,
                              [&](Range some_inputs, Range some_outputs, Grid<const Scalar> gradient) {
                                update_block<Scalar>(gradient, rule, some_inputs, some_outputs, weight);
                              });
}

template <typename Scalar>
void update_weights(const Scalar* gradient, const OptimizerStep<Scalar>& rule, Range inputs, Range outputs,
                    const WeightPanels<Scalar>& weight) {
  const Grid<const Scalar> all = grid(Panels<const Scalar>{gradient, weight.master.rows, weight.master.columns});
  for_blocks<Scalar>(inputs, outputs, [&](Range some_inputs, Range some_outputs) {
    update_block(all.from(some_inputs.begin, some_outputs.begin), rule, some_inputs, some_outputs, weight);
  });
}

}  // namespace isa
}  // namespace
}  // namespace stepbench
