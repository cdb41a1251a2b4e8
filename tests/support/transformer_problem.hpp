// A small random transformer with a batch of tokens, in which no tensor is without effect on the loss. Small enough for
// finite differences. Left out: keeping ReLUs away from their kinks; a test that minds tries seeds.
//
// Letters: B sequences, T context, D width, H heads, V vocabulary.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "core/batch.hpp"
#include "core/models/parameters.hpp"
#include "core/network.hpp"
#include "core/random.hpp"

namespace stepbench::testing {

struct TransformerProblem {
  ModelSettings model;
  std::vector<double> parameters;                   // canonical; norms' weights near 1
  std::int64_t size = 0;                            // B
  std::vector<std::int32_t> tokens, target_tokens;  // (B, T)

  /// The first `count` sequences (all of them: -1).
  template <typename Scalar = double>
  [[nodiscard]] Batch<Scalar> batch(std::int64_t count = -1) const {
    Batch<Scalar> batch;
    batch.size = count < 0 ? size : count;
    const auto rows = static_cast<std::size_t>(batch.size * model.context);
    batch.tokens = std::span(tokens).first(rows);
    batch.target_tokens = std::span(target_tokens).first(rows);
    batch.counted = std::ssize(batch.target_tokens) -
                    std::count(batch.target_tokens.begin(), batch.target_tokens.end(), kNotCounted);
    return batch;
  }
  /// For batches of at most B sequences, in float64, plain SGD.
  [[nodiscard]] NetworkSettings settings() const {
    NetworkSettings settings;
    settings.model = model;
    settings.training.precision = Precision::float64;
    settings.max_batch = size;
    return settings;
  }
  template <typename Scalar>
  [[nodiscard]] std::vector<Scalar> parameters_as() const {
    return std::vector<Scalar>(parameters.begin(), parameters.end());
  }
};

struct TransformerOptions {
  std::int64_t vocabulary = 7;
  std::int64_t d_model = 8;
  std::int64_t heads = 4;
  std::int64_t blocks = 2;
  std::int64_t context = 5;
  std::int64_t batch_size = 3;
  PositionEncoding position = PositionEncoding::learned;
  MlpActivation activation = MlpActivation::gelu;
  bool tied_embeddings = false;
  double not_counted = 0.25;  // share of targets; the first token of every sequence counts
  std::uint64_t seed = 1;
};

inline TransformerProblem make_transformer_problem(const TransformerOptions& options = {}) {
  TransformerProblem problem;
  ModelSettings& model = problem.model;
  model.kind = ModelKind::transformer;
  model.loss = Loss::cross_entropy;
  model.vocabulary_size = options.vocabulary;
  model.d_model = options.d_model;
  model.heads = options.heads;
  model.blocks = options.blocks;
  model.context = options.context;
  model.position = options.position;
  model.activation = options.activation;
  model.tied_embeddings = options.tied_embeddings;
  problem.size = options.batch_size;

  RandomStream stream(options.seed, Purpose::generated_data);
  const ParameterLayout layout = parameter_layout(model);
  problem.parameters.resize(static_cast<std::size_t>(layout.size));
  for (const ParameterTensor& tensor : layout.tensors) {
    // Embeddings are large, so that the first norm does not divide by next to nothing.
    const double deviation = tensor.role == ParameterRole::embedding ? 0.8 : 0.4;
    const double mean = tensor.role == ParameterRole::norm ? 1 : 0;
    for (double& value : tensor_of(std::span(problem.parameters), tensor)) value = mean + deviation * stream.normal();
  }
  const auto draw = [&] {
    return static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(options.vocabulary)));
  };
  for (std::int64_t row = 0; row < options.batch_size * options.context; ++row) {
    problem.tokens.push_back(draw());
    const std::int32_t target = draw();
    const bool counts = row % options.context == 0 || stream.uniform() >= options.not_counted;
    problem.target_tokens.push_back(counts ? target : kNotCounted);
  }
  return problem;
}

}  // namespace stepbench::testing
