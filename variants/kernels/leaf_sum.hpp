// Sums over a batch's rows, leaf by leaf in the tree of core/summation_tree.hpp, or in one where there are no leaves.
#pragma once

#include <algorithm>
#include <cstddef>

#include "core/buffer.hpp"
#include "core/summation_tree.hpp"
#include "variants/kernels/operand.hpp"
#include "variants/kernels/range.hpp"

namespace stepbench {

/// Of the calling thread, for `size` elements at least: the sum in that slot of the tree, 1 or more.
template <typename Scalar>
[[nodiscard]] Scalar* leaf_slot(std::size_t slot, std::size_t size) {
  constexpr std::size_t kMostSlots = 64;  // of 2^62 leaves
  thread_local Buffer<Scalar> slots[kMostSlots];
  if (slots[slot].size() < size) slots[slot].resize(size);
  return slots[slot].data();
}

/// sum (m, n): form(rows, to) makes that of some of the `count` rows, as a matrix of the same size. `leaf_rows`: of a
/// leaf; 0: no leaves.
template <typename Scalar, typename Form>
void sum_by_leaves(std::ptrdiff_t count, std::ptrdiff_t leaf_rows, std::ptrdiff_t m, std::ptrdiff_t n,
                   Operand<Scalar> sum, const Form& form) {
  if (leaf_rows == 0 || leaf_rows >= count) {
    form(Range{0, count}, sum);
    return;
  }
  const auto slot_of = [&](std::size_t slot) {
    return slot == 0 ? sum : Operand<Scalar>{leaf_slot<Scalar>(slot, static_cast<std::size_t>(m * n)), n};
  };
  sum_in_tree(
      {0, (count + leaf_rows - 1) / leaf_rows},
      [&](std::int64_t leaf, std::size_t slot) {
        form(Range{leaf * leaf_rows, std::min((leaf + 1) * leaf_rows, count)}, slot_of(slot));
      },
      [&](std::size_t slot) {
        const Operand<Scalar> to = slot_of(slot), from = slot_of(slot + 1);
        for (std::ptrdiff_t i = 0; i < m; ++i) {
          for (std::ptrdiff_t j = 0; j < n; ++j) to.data[i * to.stride + j] += from.data[i * from.stride + j];
        }
      });
}

}  // namespace stepbench
