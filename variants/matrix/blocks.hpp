// The parameters of a model as blocks, each of which one task forms the gradient of and updates. A block is made of
// leaves, which depend on the shape alone: what is summed over all parameters is summed by them, so that it comes out
// the same however the blocks are cut.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "variants/kernels/range.hpp"
#include "variants/matrix/cut.hpp"

namespace stepbench {

/// The leaves of a weight (rows, columns): `first`, first + 1, ... row by row.
struct LeafGrid {
  static constexpr std::ptrdiff_t kRows = 16, kColumns = 128;  // at most

  std::ptrdiff_t first, rows, columns;
  [[nodiscard]] std::ptrdiff_t down() const { return (rows + kRows - 1) / kRows; }
  [[nodiscard]] std::ptrdiff_t across() const { return (columns + kColumns - 1) / kColumns; }
  [[nodiscard]] std::ptrdiff_t end() const { return first + down() * across(); }
  /// The rows, columns, of those leaves.
  [[nodiscard]] Range rows_of(Range some) const { return {some.begin * kRows, std::min(some.end * kRows, rows)}; }
  /// In steps of kRows, for weights that lie in panels.
  [[nodiscard]] Range columns_of(Range some) const {
    const std::ptrdiff_t steps = (columns + kRows - 1) / kRows;
    return {some.begin * steps / across() * kRows, std::min(some.end * steps / across() * kRows, columns)};
  }
};

struct ParameterBlock {
  std::size_t unit;
  Range rows, columns;
  LeafGrid grid;
  Range down, across;  // its leaves
};

/// The blocks of a unit with those leaves, each about of `size`.
[[nodiscard]] std::vector<ParameterBlock> blocks_of(std::size_t unit, const LeafGrid& grid, Cut::BlockSize size);

/// Calls work(leaf, rows, columns) for each leaf of a block.
template <typename Work>
void for_leaves(const ParameterBlock& block, const Work& work) {
  for (std::ptrdiff_t i = block.down.begin; i < block.down.end; ++i) {
    for (std::ptrdiff_t j = block.across.begin; j < block.across.end; ++j) {
      work(static_cast<std::size_t>(block.grid.first + i * block.grid.across() + j), block.grid.rows_of({i, i + 1}),
           block.grid.columns_of({j, j + 1}));
    }
  }
}

}  // namespace stepbench
