// Which leaves of a batch each rank has (core/summation_tree.hpp).
#pragma once

#include <cstdint>
#include <vector>

#include "core/summation_tree.hpp"

namespace stepbench {

struct LeafShares {
  std::int64_t leaf = 1;    // samples of each but the last
  std::int64_t leaves = 1;  // of the batch
  std::vector<std::vector<LeafRange>>
      nodes;  // by rank, of the tree over them; none where there are more ranks than leaves

  /// Of the rank that has the most.
  [[nodiscard]] std::int64_t most_leaves() const;
  [[nodiscard]] std::int64_t most_nodes() const;
};

[[nodiscard]] LeafShares share_leaves(std::int64_t samples, std::int64_t rows_per_sample, int ranks);

}  // namespace stepbench
