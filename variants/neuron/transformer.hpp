// The decoder-only transformer: token and position embeddings, blocks, a final norm, and a head that scores each token
// of the vocabulary as the next one.
//
// Deliberately not here: dropout, a key/value cache (training needs none), anything but the next token's cross-entropy.
// The definitions are in headers so that tests can build one with a wrong part; transformer.cpp compiles the right one.
//
// Letters: B sequences, T context, N = B T rows (one per token), D width, V vocabulary.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "variants/neuron/embedding.hpp"
#include "variants/neuron/layer_norm.hpp"
#include "variants/neuron/trained_network.hpp"
#include "variants/neuron/transformer_block.hpp"

namespace stepbench::neuron {

template <typename Scalar, typename Parts = TransformerParts<Scalar>>
class TransformerNetwork final : public TrainedNetwork<Scalar> {
 public:
  explicit TransformerNetwork(const NetworkSettings& settings);

 private:
  Rows<const Scalar> forward(const Batch<Scalar>& batch) override;
  void backward(const Batch<Scalar>& batch, Rows<const Scalar> output_gradient) override;
  void list_tensors();
  [[nodiscard]] std::span<const std::int32_t> tokens_of(const Batch<Scalar>& batch) const {
    return batch.tokens.first(static_cast<std::size_t>(batch.size * this->settings().model.context));
  }

  TokenEmbedding<Scalar> tokens_;
  PositionEmbedding<Scalar> positions_;
  std::vector<TransformerBlock<Scalar, Parts>> blocks_;
  typename Parts::Norm final_norm_;
  TrainedTensor<Scalar> own_head_table_;  // (V, D); empty when the head's table is the token embedding's
  Head<Scalar> head_;
  std::vector<Scalar> embedded_;  // (max_rows, D)
};

template <typename Scalar, typename Parts>
TransformerNetwork<Scalar, Parts>::TransformerNetwork(const NetworkSettings& settings)
    : TrainedNetwork<Scalar>(settings, settings.max_batch * settings.model.context, settings.model.vocabulary_size),
      tokens_(settings.model.vocabulary_size, settings.model.d_model, settings.training.optimizer),
      positions_(settings.model.context, settings.model.d_model, settings.model.position, settings.training.optimizer),
      blocks_(static_cast<std::size_t>(settings.model.blocks),
              TransformerBlock<Scalar, Parts>(settings.model, settings.training.optimizer, settings.max_batch)),
      final_norm_(settings.model.d_model, settings.training.optimizer, settings.max_batch * settings.model.context),
      own_head_table_(settings.model.tied_embeddings ? 0 : tokens_.table().values.size(), settings.training.optimizer),
      head_(settings.model.tied_embeddings ? tokens_.table() : own_head_table_, settings.model.vocabulary_size,
            settings.model.d_model, settings.max_batch * settings.model.context),
      embedded_(static_cast<std::size_t>(settings.max_batch * settings.model.context * settings.model.d_model)) {
  list_tensors();
}

template <typename Scalar, typename Parts>
void TransformerNetwork<Scalar, Parts>::list_tensors() {
  const auto list_norm = [this](LayerNorm<Scalar>& norm) {
    this->list_tensor(norm.weight(), ParameterRole::norm);
    this->list_tensor(norm.bias(), ParameterRole::bias);
  };
  this->list_tensor(tokens_.table(), ParameterRole::embedding);
  if (positions_.is_trained()) this->list_tensor(positions_.table(), ParameterRole::embedding);
  for (TransformerBlock<Scalar, Parts>& block : blocks_) {
    block.for_each_part([&](auto& part) {
      if constexpr (requires { part.neurons(); }) {
        this->list_layer(part);
      } else {
        list_norm(part);
      }
    });
  }
  list_norm(final_norm_);
  if (!this->settings().model.tied_embeddings) this->list_tensor(own_head_table_, ParameterRole::matrix);
}

template <typename Scalar, typename Parts>
Rows<const Scalar> TransformerNetwork<Scalar, Parts>::forward(const Batch<Scalar>& batch) {
  const ModelSettings& model = this->settings().model;
  const Rows<Scalar> embedded{embedded_.data(), batch.size * model.context, model.d_model};
  tokens_.forward(tokens_of(batch), embedded);
  positions_.add_to(embedded);
  Rows<const Scalar> activations{embedded.first, embedded.count, embedded.width};
  for (TransformerBlock<Scalar, Parts>& block : blocks_) activations = block.forward(activations);
  return head_.forward(final_norm_.forward(activations));
}

template <typename Scalar, typename Parts>
void TransformerNetwork<Scalar, Parts>::backward(const Batch<Scalar>& batch, Rows<const Scalar> output_gradient) {
  head_.compute_gradients(output_gradient);
  const Rows<const Scalar> normalised_gradient = head_.compute_input_gradient(output_gradient);
  final_norm_.compute_gradients(normalised_gradient);
  Rows<const Scalar> gradient = final_norm_.compute_input_gradient(normalised_gradient);
  for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) gradient = block->backward(gradient);

  if (positions_.is_trained()) positions_.compute_gradients(gradient);
  if (!this->settings().model.tied_embeddings) {
    std::fill(tokens_.table().gradients.begin(), tokens_.table().gradients.end(), Scalar{0});
  }  // else the head has left its share there
  tokens_.add_gradients(tokens_of(batch), gradient);
}

extern template class TransformerBlock<float>;
extern template class TransformerBlock<double>;
extern template class TransformerNetwork<float>;
extern template class TransformerNetwork<double>;

}  // namespace stepbench::neuron
