// What a product takes.
#pragma once

#include <cstddef>

namespace stepbench {

enum class Transpose { no, yes };

/// A matrix in memory: first element, and elements from one stored row to the next.
template <typename Scalar>
struct Operand {
  Scalar* data;
  std::ptrdiff_t stride;
};

}  // namespace stepbench
