#include "variants/matrix/blocks.hpp"

namespace stepbench {
namespace {

/// Of `all` elements in `leaves` of `leaf` each, but for the last: how many leaves make about `size` elements; one at
/// least. None is left over where `size` is all of them.
std::ptrdiff_t leaves_in(std::ptrdiff_t size, std::ptrdiff_t all, std::ptrdiff_t leaves, std::ptrdiff_t leaf) {
  return size >= all ? leaves : std::max<std::ptrdiff_t>(1, (size + leaf / 2) / leaf);
}

}  // namespace

std::vector<ParameterBlock> blocks_of(std::size_t unit, const LeafGrid& grid, Cut::BlockSize size) {
  const std::ptrdiff_t leaf_columns = std::max<std::ptrdiff_t>(1, grid.columns / grid.across());
  const std::vector<Range> parts =
      ranges_of(grid.across(), leaves_in(size.columns, grid.columns, grid.across(), leaf_columns));
  std::vector<ParameterBlock> blocks;
  for (const Range down : ranges_of(grid.down(), leaves_in(size.rows, grid.rows, grid.down(), LeafGrid::kRows))) {
    for (const Range across : parts) {
      blocks.push_back({unit, grid.rows_of(down), grid.columns_of(across), grid, down, across});
    }
  }
  return blocks;
}

}  // namespace stepbench
