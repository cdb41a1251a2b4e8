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

struct LinearLayer {
  std::string name;    // `mlp/layers.0/batch:128`, `transformer-D128/blocks.0.attention.qkv`
  std::string weight;  // the same without the batch
  std::int64_t outputs, inputs;
  bool input_gradient;  // nothing below an MLP's first layer wants it
};
/// All layers of an MLP; of a transformer's blocks, which are alike, the first, and the head.
[[nodiscard]] std::vector<LinearLayer> linear_layers(const Network& network);

}  // namespace stepbench::micro
