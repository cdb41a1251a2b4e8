// A rank's network, and the training step that all ranks take together: gradients of a rank's own samples, added up
// over all ranks, and the same update everywhere. The networks stay equal, bit by bit.
//
// With a backend that sums by leaves, to bits that do not depend on how a batch is cut (`tbb` and its kin), an exact
// sum has the same bits on any number of ranks and threads. Others get their leaves one by one.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "core/lap_clock.hpp"
#include "core/network.hpp"
#include "variants/rank_program/gradient_exchange.hpp"
#include "variants/rank_program/world.hpp"
#include "variants/ranks/rank_request.hpp"

namespace stepbench {

template <typename Scalar>
class RankNetwork {
 public:
  /// `network` as the others' of this world.
  RankNetwork(const World& world, std::unique_ptr<Network<Scalar>> network, std::int64_t parameters,
              std::int64_t rows_per_sample, const RankRequest& request);

  [[nodiscard]] Network<Scalar>& network() { return *network_; }
  /// That the gradients travel in.
  [[nodiscard]] std::size_t gradient_parts() const { return std::max<std::size_t>(1, parts_.size()); }

  /// Samples begin .. end-1 of the batch, with the whole batch's `counted`; valid until the next.
  using SomeSamples = std::function<Batch<Scalar>(std::int64_t begin, std::int64_t end)>;
  /// Loss and gradients of a batch of so many samples, in every rank the same. Of its time, what the others are waited
  /// for is `reduce`.
  StepResult compute_gradients(std::int64_t samples, const SomeSamples& some);
  /// The same, and an update.
  StepResult train_step(std::int64_t samples, const SomeSamples& some, const UpdateStep& update);

 private:
  [[nodiscard]] LeafRange samples_of(LeafRange leaves, std::int64_t samples) const;
  /// Of the leaves of a node, into the gradients; its loss.
  double form_node(LeafRange node, std::int64_t samples, const SomeSamples& some, PhaseTimes& phases);
  double form_leaf(LeafRange leaves, std::int64_t leaf, std::int64_t samples, const SomeSamples& some,
                   PhaseTimes& phases);
  double form_leaf_by_leaf(LeafRange node, std::int64_t samples, const SomeSamples& some, PhaseTimes& phases);
  double exact_gradients(std::int64_t samples, const SomeSamples& some, PhaseTimes& phases);
  double fast_gradients(std::int64_t samples, const SomeSamples& some, PhaseTimes& phases);
  void clear_gradients();
  [[nodiscard]] double joined_loss(const std::vector<double>& losses) const;

  const World& world_;
  std::unique_ptr<Network<Scalar>> network_;
  std::int64_t rows_per_sample_;
  Reduction reduction_;
  bool overlap_, independent_;
  std::vector<std::span<Scalar>> parts_;  // the network's own; empty: `canonical_` is exchanged
  Buffer<Scalar> canonical_;
  std::vector<Buffer<Scalar>> slots_;  // of the tree over leaves that are formed one by one
  std::unique_ptr<GradientExchange<Scalar>> exchange_;
  LeafShares shares_;  // of the last batch's size
  std::int64_t shared_samples_ = 0;
};

}  // namespace stepbench
