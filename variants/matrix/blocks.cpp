#include "variants/matrix/blocks.hpp"

namespace stepbench {
namespace {

/// Into how many leaves of `leaf` elements `size` elements are best cut; one at least.
std::ptrdiff_t leaves_in(std::ptrdiff_t size, std::ptrdiff_t leaf) {
  return std::max<std::ptrdiff_t>(1, (size + leaf / 2) / leaf);
}

}  // namespace

std::vector<ParameterBlock> blocks_of(std::size_t unit, const LeafGrid& grid, Cut::BlockSize size) {
  const std::ptrdiff_t leaf_columns = std::max<std::ptrdiff_t>(1, grid.columns / grid.across());
  const std::vector<Range> parts = ranges_of(grid.across(), leaves_in(size.columns, leaf_columns));
  std::vector<ParameterBlock> blocks;
  for (const Range down : ranges_of(grid.down(), leaves_in(size.rows, LeafGrid::kRows))) {
    for (const Range across : parts) {
      blocks.push_back({unit, grid.rows_of(down), grid.columns_of(across), grid, down, across});
    }
  }
  return blocks;
}

}  // namespace stepbench
