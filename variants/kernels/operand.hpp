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

/// What gives the gradient of a linear layer's weight (out, in): dW = dY^T X.
template <typename Scalar>
struct LinearGradient {
  Operand<const Scalar> output_gradient;  // dY (N, out)
  Operand<const Scalar> input;            // X (N, in)
  std::ptrdiff_t rows;                    // N, at least 1
  std::ptrdiff_t leaf_rows = 0;           // of the tree that sums them (core/summation_tree.hpp); 0: summed in one
};

}  // namespace stepbench
