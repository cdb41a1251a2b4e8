// The parameters of a model as blocks, each of which one task forms the gradient of and updates. A block is made of
// leaves, which depend on the shape alone: what is summed over all parameters is summed by them, so that it comes out
// the same however the blocks are cut.
#pragma once

#include <span>
#include <vector>

#include "variants/kernels/range.hpp"
#include "variants/matrix/cut.hpp"
#include "variants/matrix/model.hpp"

namespace stepbench {

struct ParameterBlock {
  std::size_t unit;
  Range rows, columns;
};

/// A unit's rows and columns as a grid of leaves, and the grid's cut into blocks.
class UnitBlocks {
 public:
  /// Leaves are counted from `first_leaf` on; blocks are about of `size`.
  UnitBlocks(std::size_t number, const ParameterUnit& unit, Cut::BlockSize size, std::size_t first_leaf);

  [[nodiscard]] const std::vector<ParameterBlock>& blocks() const { return blocks_; }
  [[nodiscard]] std::size_t end_leaf() const { return first_leaf_ + row_leaves_.size() * column_leaves_.size(); }
  /// Calls work(leaf, rows, columns) for each leaf of a block.
  template <typename Work>
  void for_leaves(const ParameterBlock& block, const Work& work) const;

 private:
  std::size_t first_leaf_;
  std::vector<Range> row_leaves_, column_leaves_;
  std::vector<ParameterBlock> blocks_;
};

template <typename Work>
void UnitBlocks::for_leaves(const ParameterBlock& block, const Work& work) const {
  std::size_t leaf = first_leaf_;
  for (const Range rows : row_leaves_) {
    for (const Range columns : column_leaves_) {
      const bool inside = rows.begin >= block.rows.begin && rows.end <= block.rows.end &&
                          columns.begin >= block.columns.begin && columns.end <= block.columns.end;
      if (inside) work(leaf, rows, columns);
      ++leaf;
    }
  }
}

}  // namespace stepbench
