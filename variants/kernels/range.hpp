#pragma once

#include <cstddef>

namespace stepbench {

/// Indices [begin, end): rows of a batch, or output rows of a weight matrix.
struct Range {
  std::ptrdiff_t begin = 0;
  std::ptrdiff_t end = 0;
  [[nodiscard]] std::ptrdiff_t size() const { return end - begin; }
};

/// Calls work(offset, rows) for some columns of a row-major matrix with rows `stride` apart: once for all rows where
/// they are dense, else for each.
template <typename Work>
void for_dense_rows(Range rows, Range columns, std::ptrdiff_t stride, const Work& work) {
  if (columns.size() == stride) {
    work(rows.begin * stride, rows.size());
  } else {
    for (std::ptrdiff_t r = rows.begin; r < rows.end; ++r) work(r * stride + columns.begin, std::ptrdiff_t{1});
  }
}

/// The same with the number of elements: work(offset, elements).
template <typename Work>
void for_dense_runs(Range rows, Range columns, std::ptrdiff_t stride, const Work& work) {
  for_dense_rows(rows, columns, stride,
                 [&](std::ptrdiff_t offset, std::ptrdiff_t count) { work(offset, count * columns.size()); });
}

}  // namespace stepbench
