#include "variants/matrix/blocks.hpp"

#include <algorithm>

namespace stepbench {
namespace {

constexpr std::ptrdiff_t kLeafRows = 16, kLeafColumns = 128;

/// Neighbouring leaves put together, each about of `size`.
std::vector<Range> grouped(const std::vector<Range>& leaves, std::ptrdiff_t size) {
  const std::ptrdiff_t count = std::ssize(leaves), leaf = std::max<std::ptrdiff_t>(1, leaves.front().size());
  std::vector<Range> groups;
  for (const Range group : ranges_of(count, std::max<std::ptrdiff_t>(1, (size + leaf / 2) / leaf))) {
    groups.push_back(
        {leaves[static_cast<std::size_t>(group.begin)].begin, leaves[static_cast<std::size_t>(group.end - 1)].end});
  }
  return groups;
}

}  // namespace

UnitBlocks::UnitBlocks(std::size_t number, const ParameterUnit& unit, Cut::BlockSize size, std::size_t first_leaf)
    : first_leaf_(first_leaf),
      row_leaves_(ranges_of(unit.rows, kLeafRows)),
      column_leaves_(even_ranges(unit.columns, (unit.columns + kLeafColumns - 1) / kLeafColumns)) {
  const std::vector<Range> columns = grouped(column_leaves_, size.columns);
  for (const Range rows : grouped(row_leaves_, size.rows)) {
    for (const Range part : columns) blocks_.push_back({number, rows, part});
  }
}

}  // namespace stepbench
