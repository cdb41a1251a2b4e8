// A batch as the networks see it: views of dense rows. core/data/gather.hpp fills the memory behind them.
#pragma once

#include <cstdint>
#include <span>

namespace stepbench {

/// B samples. Letters: B batch, F features of a sample (the network's inputs), K outputs.
template <typename Scalar>
struct Batch {
  std::int64_t size = 0;                 // B, at least 1
  std::span<const Scalar> features;      // (B, F)
  std::span<const std::int32_t> labels;  // (B), each in [0, K); empty for a data set without classes
  std::span<const Scalar> targets;       // (B, K): what squared_error is held against; empty under cross_entropy
};

}  // namespace stepbench
