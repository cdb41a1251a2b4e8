// The order in which the samples of a batch are added up where several processes share it (variants/ranks): samples in
// leaves, whose own sums come first, and the leaves in a binary tree. Both follow from the batch alone, so that a
// process that has any run of leaves can add up the parts of the tree that lie within it, and the sum over all has the
// same bits whoever had which.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace stepbench {

/// Some of a batch's leaves, or of another sequence: begin .. end-1.
struct LeafRange {
  std::int64_t begin, end;
  [[nodiscard]] std::int64_t size() const { return end - begin; }
  friend bool operator==(const LeafRange&, const LeafRange&) = default;
};

/// A leaf's rows (samples, or tokens) are at most so many where a sample has no more: products sum as many at once.
inline constexpr std::int64_t kMostLeafRows = 256;

/// And at least so many, or the whole batch, or one sample: few, so that many ranks have some, but as many as a product
/// wants. A weight's gradient (784 x 512, of 512 rows) took longer by leaves of 32, 64, 128 and 256 rows than in one
/// sum by 34, 16, 5 and 2% (AVX-512), 19, 10, 6 and 1% (AVX2) and 16, 8, 3 and -1% (portable): one thread of an AMD
/// EPYC (Zen 5), `stepbench_micro --benchmark_filter='layers.0/batch:512/dW(-leaf|/)'`. It is a third of a step.
inline constexpr std::int64_t kLeastLeafRows = 64;

/// Samples of each leaf but the last of a batch of so many: 64 leaves, or as many as have such rows.
[[nodiscard]] inline std::int64_t leaf_samples(std::int64_t batch, std::int64_t rows_per_sample) {
  constexpr std::int64_t kLeaves = 64;
  const std::int64_t least = (kLeastLeafRows + rows_per_sample - 1) / rows_per_sample,
                     most = std::max<std::int64_t>(1, kMostLeafRows / rows_per_sample);
  return std::clamp((batch + kLeaves - 1) / kLeaves, least, most);
}

/// Where a node of the tree over these leaves, two at least, is made of two: the largest power of two to the left.
[[nodiscard]] inline std::int64_t tree_middle(LeafRange leaves) {
  return leaves.begin + static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(leaves.size() - 1)));
}

/// Adds up the leaves in the tree's order, into slot 0: leaf(i, slot) makes the sum of leaf i, join(slot) adds slot + 1
/// to slot. At most 2 + log2 of the leaves' number slots are used.
template <typename Leaf, typename Join>
void sum_in_tree(LeafRange leaves, const Leaf& leaf, const Join& join, std::size_t slot = 0) {
  if (leaves.size() == 1) {
    leaf(leaves.begin, slot);
    return;
  }
  const std::int64_t middle = tree_middle(leaves);
  sum_in_tree({leaves.begin, middle}, leaf, join, slot);
  sum_in_tree({middle, leaves.end}, leaf, join, slot + 1);
  join(slot);
}

/// The nodes of the tree over `count` leaves that together are `some` of them, the largest there are, in their order.
[[nodiscard]] inline std::vector<LeafRange> whole_nodes(LeafRange some, std::int64_t count) {
  std::vector<LeafRange> nodes;
  const auto visit = [&](const auto& self, LeafRange node) -> void {
    if (node.end <= some.begin || some.end <= node.begin) return;
    if (some.begin <= node.begin && node.end <= some.end) {
      nodes.push_back(node);
      return;
    }
    const std::int64_t middle = tree_middle(node);
    self(self, {node.begin, middle});
    self(self, {middle, node.end});
  };
  if (some.size() > 0) visit(visit, {0, count});
  return nodes;
}

}  // namespace stepbench
