#pragma once

#include <cstddef>

namespace stepbench {

/// Indices [begin, end): rows of a batch, or output rows of a weight matrix.
struct Range {
  std::ptrdiff_t begin = 0;
  std::ptrdiff_t end = 0;
  [[nodiscard]] std::ptrdiff_t size() const { return end - begin; }
};

}  // namespace stepbench
