#include "variants/ranks/leaf_shares.hpp"

#include <algorithm>

namespace stepbench {

LeafShares share_leaves(std::int64_t samples, std::int64_t rows_per_sample, int ranks) {
  LeafShares shares;
  shares.leaf = leaf_samples(samples, rows_per_sample);
  shares.leaves = (samples + shares.leaf - 1) / shares.leaf;
  for (int rank = 0; rank < ranks; ++rank) {
    shares.nodes.push_back(
        whole_nodes({shares.leaves * rank / ranks, shares.leaves * (rank + 1) / ranks}, shares.leaves));
  }
  return shares;
}

std::int64_t LeafShares::most_leaves() const {
  std::int64_t most = 0;
  for (const std::vector<LeafRange>& own : nodes) {
    if (!own.empty()) most = std::max(most, own.back().end - own.front().begin);
  }
  return most;
}

std::int64_t LeafShares::most_nodes() const {
  std::int64_t most = 0;
  for (const std::vector<LeafRange>& own : nodes) most = std::max(most, static_cast<std::int64_t>(own.size()));
  return most;
}

}  // namespace stepbench
