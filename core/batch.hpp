// A batch as the networks see it: views of dense rows. core/data/gather.hpp fills the memory behind them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace stepbench {

inline constexpr std::int32_t kNotCounted = -1;  // target of a position that neither loss nor accuracy counts

/// Where the features of a batch come from, when they are not there yet.
class FeatureRows {
 public:
  FeatureRows() = default;
  FeatureRows(const FeatureRows&) = delete;
  FeatureRows& operator=(const FeatureRows&) = delete;
  virtual ~FeatureRows() = default;
  /// Fills rows begin .. end-1 of the batch's features; may be called side by side for rows that do not overlap.
  virtual void fetch(std::int64_t begin, std::int64_t end) const = 0;
};

/// B samples: rows of features for an MLP, sequences of tokens for a transformer. Letters: B batch, F features of a
/// sample (the network's inputs), K outputs, T tokens of a sequence, V vocabulary.
template <typename Scalar>
struct Batch {
  std::int64_t size = 0;  // B, at least 1
  /// What every mean is over, and who makes a batch fills: samples, or tokens with a target. Of the whole batch, where
  /// these are only some of its samples: then losses and gradients of the parts add up to those of the whole.
  std::int64_t counted = 0;
  std::span<const Scalar> features;           // (B, F)
  std::span<const std::int32_t> labels;       // (B), each in [0, K); empty for a data set without classes
  std::span<const Scalar> targets;            // (B, K): what squared_error is held against; empty under cross_entropy
  std::span<const std::int32_t> tokens = {};  // (B, T), each in [0, V)
  std::span<const std::int32_t> target_tokens = {};  // (B, T), each in [0, V) or kNotCounted
  /// Not null only in train_step and compute_gradients of a network that fetches_features: then each row is to be
  /// fetched before it is read.
  const FeatureRows* pending = nullptr;
  /// Samples of a leaf, in compute_gradients of a network that sums_by_leaves: losses and gradients are those of the
  /// leaves, added up in the tree of core/summation_tree.hpp. 0: in whichever order the network likes.
  std::int64_t leaf = 0;
};

/// Of these targets, those that count.
[[nodiscard]] inline std::int64_t counted_in(std::span<const std::int32_t> target_tokens) {
  return std::ssize(target_tokens) - std::ranges::count(target_tokens, kNotCounted);
}

/// Whether a row of outputs is right: its largest, of equal ones the first, stands at `label`, and is finite. Never for
/// a row that holds NaN, which has no largest, nor for kNotCounted.
template <typename Scalar>
[[nodiscard]] bool largest_is_at(std::span<const Scalar> outputs, std::int32_t label) {
  if (label < 0) return false;
  const auto at = static_cast<std::size_t>(label);
  const Scalar largest = outputs[at];
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    if (!(k < at ? outputs[k] < largest : outputs[k] <= largest)) return false;
  }
  return std::isfinite(largest);
}

}  // namespace stepbench
