// The two ends of a transformer and the places between them: what turns tokens into vectors, what tells their positions
// apart, and what turns vectors into a score for each token of the vocabulary.
//
// Letters: B sequences, T context, N = B T rows (one per token), D width, V vocabulary.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/settings.hpp"
#include "variants/neuron/optimizer.hpp"
#include "variants/neuron/rows.hpp"

namespace stepbench::neuron {

/// A vector for each token of the vocabulary.
template <typename Scalar>
class TokenEmbedding {
 public:
  TokenEmbedding(std::int64_t vocabulary, std::int64_t width, Optimizer optimizer);

  /// Row n of `output` (N, D) becomes the vector of token n.
  void forward(std::span<const std::int32_t> tokens, Rows<Scalar> output) const;
  /// Adds each row of `output_gradient` (N, D) to the gradient of its token's vector, on top of what is there: with
  /// tied embeddings, the gradient of their other use.
  void add_gradients(std::span<const std::int32_t> tokens, Rows<const Scalar> output_gradient);

  [[nodiscard]] TrainedTensor<Scalar>& table() { return table_; }

 private:
  std::int64_t width_;
  TrainedTensor<Scalar> table_;  // (V, D)
};

/// A vector for each position of a sequence: trained, or fixed waves of growing length (Vaswani et al. 2017):
/// P[t, 2i] = sin(t / 10000^(2i/D)), P[t, 2i+1] = cos(t / 10000^(2i/D)).
template <typename Scalar>
class PositionEmbedding {
 public:
  PositionEmbedding(std::int64_t context, std::int64_t width, PositionEncoding encoding, Optimizer optimizer);

  /// Adds its position's vector to each row of `rows` (N, D), whole sequences.
  void add_to(Rows<Scalar> rows) const;
  /// For trained positions only.
  void compute_gradients(Rows<const Scalar> output_gradient);

  [[nodiscard]] bool is_trained() const { return encoding_ == PositionEncoding::learned; }
  [[nodiscard]] TrainedTensor<Scalar>& table() { return table_; }
  [[nodiscard]] const TrainedTensor<Scalar>& table() const { return table_; }

 private:
  std::int64_t context_;
  PositionEncoding encoding_;
  TrainedTensor<Scalar> table_;  // (T, D)
};

/// The way back from vectors to tokens: a token's score (logit) is the product of its vector in `table` with the row.
/// The table is the token embedding's own when they are tied. A neuron per token, then, without a bias.
template <typename Scalar>
class Head {
 public:
  /// `table` (V, D) is not owned and must outlive the head, where it is.
  Head(TrainedTensor<Scalar>& table, std::int64_t vocabulary, std::int64_t width, std::int64_t max_rows);

  /// Logits (N, V) of `input` (N, D); keeps a view of the input, which must live until the backward pass.
  Rows<const Scalar> forward(Rows<const Scalar> input);
  /// Replaces the table's gradients by those of this use of it.
  void compute_gradients(Rows<const Scalar> output_gradient);
  /// dC/d(input) (N, D).
  Rows<const Scalar> compute_input_gradient(Rows<const Scalar> output_gradient);

 private:
  TrainedTensor<Scalar>* table_;
  std::int64_t vocabulary_, width_;
  Rows<const Scalar> last_input_;
  std::vector<Scalar> output_;          // (max_rows, V)
  std::vector<Scalar> input_gradient_;  // (max_rows, D)
};

}  // namespace stepbench::neuron
