// The networks of the shipped configs, whose shapes are timed: mnist-mlp and mlp-speed; moby-dick-transformer and
// transformer-speed (D 128); char-gpt (D 384).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/settings.hpp"

namespace stepbench::micro {

struct Network {
  std::string name;  // `mlp`, `transformer-D128`
  ModelSettings model;
  std::int64_t batch_size;
};

/// 784-512-256-10.
[[nodiscard]] Network mlp(std::int64_t batch_size);
[[nodiscard]] Network small_transformer();
[[nodiscard]] Network large_transformer();

/// Rows of a layer's matrices: samples of an MLP, tokens of a transformer.
[[nodiscard]] std::int64_t rows(const Network& network);

}  // namespace stepbench::micro
