// From a data set to batches: the order of an epoch's samples, and the copying of a batch's rows into dense memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/batch.hpp"
#include "core/buffer.hpp"
#include "core/data/dataset.hpp"

namespace stepbench {

/// The order in which epoch `epoch` (from 0) visits `samples` samples: the identity, or with `shuffle` a permutation
/// drawn from (seed, epoch).
[[nodiscard]] std::vector<std::int64_t> epoch_order(std::int64_t samples, bool shuffle, std::uint64_t seed,
                                                    std::int64_t epoch);

/// What a batch of these samples counts: samples, or tokens with a target.
[[nodiscard]] std::int64_t counted_of(const Split& split, std::span<const std::int64_t> samples);

/// Owns the memory of one batch and refills it without allocating.
template <typename Scalar>
class BatchGatherer final : private FeatureRows {
 public:
  /// `with_targets`: also give (B, K) targets; labels become one-hot rows (squared_error needs them).
  BatchGatherer(const Dataset& dataset, std::int64_t max_batch, bool with_targets);

  /// Rows `order[0..]` of `split`; at most max_batch of them. The views are valid until the next call.
  Batch<Scalar> gather(const Split& split, std::span<const std::int64_t> order);
  /// The same, but for dense features, which the batch's `pending` fetches; split and order stay until then.
  Batch<Scalar> begin_gather(const Split& split, std::span<const std::int64_t> order);

 private:
  void fetch(std::int64_t begin, std::int64_t end) const override;

  std::int64_t features_, outputs_;
  bool with_targets_;
  mutable Buffer<Scalar> feature_rows_;  // which fetch fills
  Buffer<Scalar> target_rows_;
  std::vector<std::int32_t> labels_, tokens_, target_tokens_;
  const Split* split_ = nullptr;  // of the batch whose features are to be fetched
  std::span<const std::int64_t> order_;
};

}  // namespace stepbench
