// A batch as the networks see it: views of dense rows. core/data/gather.hpp fills the memory behind them.
#pragma once

#include <cstdint>
#include <span>

namespace stepbench {

inline constexpr std::int32_t kNotCounted = -1;  // target of a position that neither loss nor accuracy counts

/// B samples: rows of features for an MLP, sequences of tokens for a transformer. Letters: B batch, F features of a
/// sample (the network's inputs), K outputs, T tokens of a sequence, V vocabulary.
template <typename Scalar>
struct Batch {
  std::int64_t size = 0;                      // B, at least 1
  std::int64_t counted = 0;                   // what loss and accuracy are means over: samples, or tokens with a target
  std::span<const Scalar> features;           // (B, F)
  std::span<const std::int32_t> labels;       // (B), each in [0, K); empty for a data set without classes
  std::span<const Scalar> targets;            // (B, K): what squared_error is held against; empty under cross_entropy
  std::span<const std::int32_t> tokens = {};  // (B, T), each in [0, V)
  std::span<const std::int32_t> target_tokens = {};  // (B, T), each in [0, V) or kNotCounted
};

}  // namespace stepbench
