// A decoder-only transformer that reads one token at a time, in plain double precision, straight from the canonical
// parameters: what `stepbench sample` generates text with. It knows no backend, so the text of a trial depends on its
// parameters alone.
//
// Left out: batches, gradients, threads. A key/value cache is what makes it fast enough to watch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/models/parameters.hpp"
#include "core/settings.hpp"

namespace stepbench::sample {

/// Letters: D width, H heads, T context, V vocabulary.
class TransformerSampler {
 public:
  /// `parameters`: flat, in the order of parameter_layout(model).
  TransformerSampler(const ModelSettings& model, std::vector<double> parameters);
  TransformerSampler(const TransformerSampler&) = delete;  // the views below are of its own parameters
  TransformerSampler& operator=(const TransformerSampler&) = delete;
  ~TransformerSampler() = default;

  /// Reads the next token, in [0, V); returns the logits (V) of the token after it, valid until the next call.
  ///
  /// Positions beyond the trained context T do not exist, so the window slides: when it is full, the last T/2 tokens,
  /// the new one among them, become a new window, whose keys and values are computed afresh at positions from 0.
  std::span<const double> read(std::int32_t token);

 private:
  /// y = x W^T + b, W (out, in); b may be empty.
  struct Linear {
    std::span<const double> weight, bias;
  };
  struct Norm {
    std::span<const double> weight, bias;
  };
  struct Block {
    Norm norm1, norm2;
    Linear qkv, output, up, down;
    std::vector<double> keys, values;  // (tokens in the window, D)
  };

  /// Takes a token into the window; leaves the last block's output, not yet normalised, in residual_.
  void append(std::int32_t token);
  void attend(Block& block);

  ModelSettings model_;
  std::vector<double> parameters_;
  std::span<const double> token_embedding_, position_embedding_, head_;  // (V, D), (T, D) when learned, (V, D)
  std::vector<Block> blocks_;
  Norm final_norm_;
  std::vector<std::int32_t> window_;
  std::vector<double> residual_, normal_, qkv_, mixed_, wide_, scores_, logits_;  // scratch of one token
};

}  // namespace stepbench::sample
