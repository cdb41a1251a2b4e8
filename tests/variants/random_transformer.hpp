// Random transformers and batches of random tokens, for tests that compare trainings with one another.
// Left out: data that can be learned (tests/golden/ and the program's tests have it).
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/batch.hpp"
#include "core/models/parameters.hpp"
#include "core/random.hpp"
#include "core/settings.hpp"

namespace stepbench::testing {

/// Letters: V vocabulary, D width, H heads, L blocks, T context.
struct TransformerShape {
  std::int64_t vocabulary, width, heads, blocks, context;
};

inline ModelSettings transformer_model(const TransformerShape& shape) {
  ModelSettings model;
  model.kind = ModelKind::transformer;
  model.init = Initialisation::gpt2;
  model.vocabulary_size = shape.vocabulary;
  model.d_model = shape.width;
  model.heads = shape.heads;
  model.blocks = shape.blocks;
  model.context = shape.context;
  return model;
}

/// Canonical; nothing is zero, and norms' weights are not one, so that nothing can be left out unseen. Every value is a
/// float32's.
template <typename Scalar>
std::vector<Scalar> random_transformer_parameters(const ModelSettings& model, std::uint64_t seed) {
  const ParameterLayout layout = parameter_layout(model);
  std::vector<Scalar> parameters(static_cast<std::size_t>(layout.size));
  RandomStream stream(seed, Purpose::initial_parameters);
  for (const ParameterTensor& tensor : layout.tensors) {
    const double mean = tensor.role == ParameterRole::norm ? 1 : 0;
    for (Scalar& value : tensor_of(std::span(parameters), tensor)) {
      value = static_cast<Scalar>(static_cast<float>(mean + 0.2 * stream.normal()));
    }
  }
  return parameters;
}

/// B sequences of random tokens with random targets, of which about the share `not_counted` is kNotCounted.
struct TokenData {
  std::int64_t size;                                // B
  std::vector<std::int32_t> tokens, target_tokens;  // (B, T)

  TokenData(const ModelSettings& model, std::int64_t batch_size, std::uint64_t seed, double not_counted = 0)
      : size(batch_size) {
    RandomStream stream(seed, Purpose::generated_data);
    const auto draw = [&] {
      return static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(model.vocabulary_size)));
    };
    for (std::int64_t i = 0; i < size * model.context; ++i) {
      tokens.push_back(draw());
      target_tokens.push_back(draw());
      if (i > 0 && stream.uniform() < not_counted) target_tokens.back() = kNotCounted;  // one must count
    }
  }

  template <typename Scalar>
  [[nodiscard]] Batch<Scalar> view() const {
    Batch<Scalar> batch;
    batch.size = size;
    batch.counted = std::ssize(target_tokens) - std::count(target_tokens.begin(), target_tokens.end(), kNotCounted);
    batch.tokens = tokens;
    batch.target_tokens = target_tokens;
    return batch;
  }
};

}  // namespace stepbench::testing
