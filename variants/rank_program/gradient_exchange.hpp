// Gradients added up over all ranks, part by part, while others are still being formed.
//
// Every rank has some nodes of the tree over the batch's leaves (core/summation_tree.hpp). Of each part of the
// gradients it adds up one piece: it gets that piece of everybody's nodes, joins them as the tree says, and hands the
// sum round (a reduce-scatter and an allgather, as in Rabenseifner, "Optimization of Collective Reduction Operations",
// 2004, but in one order for any number of ranks).
#pragma once

#include <mpi.h>

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "core/buffer.hpp"
#include "core/summation_tree.hpp"
#include "variants/rank_program/world.hpp"
#include "variants/ranks/leaf_shares.hpp"

namespace stepbench {

/// Adds up what `value(node)` gives over the nodes of a tree: join(into, from) adds.
template <typename Value, typename Join>
auto join_nodes(LeafRange node, const Value& value, const Join& join) -> decltype(value(node)) {
  if (auto own = value(node)) return own;
  const std::int64_t middle = tree_middle(node);
  auto left = join_nodes({node.begin, middle}, value, join);
  join(left, join_nodes({middle, node.end}, value, join));
  return left;
}

template <typename Scalar>
class GradientExchange {
 public:
  /// `parts`: where the gradients lie, of the same sizes in all ranks.
  GradientExchange(const World& world, std::vector<std::span<Scalar>> parts);
  GradientExchange(const GradientExchange&) = delete;
  GradientExchange& operator=(const GradientExchange&) = delete;

  /// A step's sum begins. `exact`: by the shares' tree; else as the library likes, and shares are not looked at.
  void begin(const LeafShares& shares, bool exact);
  /// Keeps what stands in `parts` as this rank's next node; the last one stays there.
  void keep_node();
  /// This part of the last node is there, or of a rank without any; may be called by one thread after another.
  void start(std::size_t part);
  /// Starts what has not been, and waits for all: then `parts` hold the sums.
  void finish();

 private:
  enum class Stage { waiting, there, collecting, handing_out, done };
  struct Part {
    Stage stage = Stage::waiting;
    std::vector<MPI_Request> requests;
    std::vector<std::vector<Buffer<Scalar>>> received;  // by rank and node: that rank's, of our piece
    std::vector<Buffer<Scalar>> kept;                   // our nodes but the last
  };

  [[nodiscard]] std::span<Scalar> piece(std::span<Scalar> part, int rank) const;
  [[nodiscard]] std::span<Scalar> own_node(std::size_t part, std::size_t node, int piece_of);
  [[nodiscard]] const std::vector<LeafRange>& own_nodes() const;
  void start_locked(std::size_t part);
  /// MPI wants its collective operations begun in one order in all ranks, whichever part was there first.
  void reduce_in_order();
  void collect(std::size_t part);
  void hand_out(std::size_t part);
  void join(std::size_t part);
  /// True when all parts are through.
  bool progress();

  const World& world_;
  std::vector<std::span<Scalar>> spans_;
  std::vector<Part> parts_;
  const LeafShares* shares_ = nullptr;
  bool exact_ = true;
  std::size_t kept_ = 0;          // nodes
  std::size_t next_reduced_ = 0;  // part, where the library adds up
  std::mutex mutex_;
};

}  // namespace stepbench
