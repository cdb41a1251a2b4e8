// Reads tests/golden/transformer.h5 (tests/golden/README.md says what is in it and how it was made).
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/batch.hpp"
#include "core/hdf5/hdf5.hpp"
#include "core/models/parameters.hpp"
#include "core/settings.hpp"
#include "tests/support/golden.hpp"

namespace stepbench::testing {

/// One training in PyTorch.
struct GoldenTransformerRun {
  TrainingSettings training;
  std::vector<double> losses;      // of every step, before its update
  std::vector<double> parameters;  // at the end, canonical
};

/// A transformer, its data and what PyTorch makes of it. N samples an epoch, T tokens each.
struct GoldenTransformer {
  std::string name;
  ModelSettings model;
  std::int64_t samples = 0;  // N; visited in order, epoch after epoch
  std::int64_t batch_size = 0;
  std::vector<std::int32_t> tokens, target_tokens;  // (N, T)
  std::vector<double> initial;                      // canonical; each value is a float32's
  std::vector<double> gradient;                     // canonical; of the first batch at the initial parameters
  std::vector<GoldenTransformerRun> runs;           // of at least one optimizer

  /// The batch of step `step`, counting from 0: the last one of an epoch may be short.
  template <typename Scalar>
  [[nodiscard]] Batch<Scalar> batch(std::int64_t step) const {
    const std::int64_t batches = (samples + batch_size - 1) / batch_size;
    const std::int64_t first = step % batches * batch_size;
    const auto offset = static_cast<std::size_t>(first * model.context);
    Batch<Scalar> batch;
    batch.size = std::min(batch_size, samples - first);
    const auto count = static_cast<std::size_t>(batch.size * model.context);
    batch.tokens = std::span(tokens).subspan(offset, count);
    batch.target_tokens = std::span(target_tokens).subspan(offset, count);
    batch.counted = std::ssize(batch.target_tokens) -
                    std::count(batch.target_tokens.begin(), batch.target_tokens.end(), kNotCounted);
    return batch;
  }
};

inline Optimizer golden_optimizer(const std::string& name) {
  if (name == "sgd") return Optimizer::sgd;
  if (name == "momentum") return Optimizer::momentum;
  if (name == "adam") return Optimizer::adam;
  if (name == "adamw") return Optimizer::adamw;
  throw std::runtime_error("the golden file names an unknown optimizer: " + name);
}

inline GoldenTransformerRun read_golden_transformer_run(const hdf5::Group& group, const ParameterLayout& layout) {
  GoldenTransformerRun run;
  TrainingSettings& training = run.training;
  training.precision = Precision::float64;
  training.optimizer = golden_optimizer(group.attribute_as<std::string>("optimizer"));
  training.learning_rate = group.attribute_as<double>("learning_rate");
  training.momentum = group.attribute_as<double>("momentum");
  training.beta1 = group.attribute_as<double>("beta1");
  training.beta2 = group.attribute_as<double>("beta2");
  training.epsilon = group.attribute_as<double>("epsilon");
  training.weight_decay = group.attribute_as<double>("weight_decay");
  const auto gradient_clip = group.attribute_as<double>("gradient_clip");
  if (gradient_clip > 0) training.gradient_clip = gradient_clip;
  run.losses = group.dataset("loss").read<double>();
  run.parameters = read_golden_parameters(group.group("final"), layout);
  return run;
}

inline GoldenTransformer read_golden_transformer(const hdf5::Group& group, const std::string& name) {
  GoldenTransformer golden;
  golden.name = name;
  ModelSettings& model = golden.model;
  model.kind = ModelKind::transformer;
  model.init = Initialisation::gpt2;
  model.d_model = group.attribute_as<std::int64_t>("d_model");
  model.heads = group.attribute_as<std::int64_t>("heads");
  model.blocks = group.attribute_as<std::int64_t>("blocks");
  model.context = group.attribute_as<std::int64_t>("context");
  model.vocabulary_size = group.attribute_as<std::int64_t>("vocabulary_size");
  model.tied_embeddings = group.attribute_as<bool>("tied_embeddings");
  const bool is_learned = group.attribute_as<std::string>("position") == "learned";
  model.position = is_learned ? PositionEncoding::learned : PositionEncoding::sinusoidal;
  const bool is_gelu = group.attribute_as<std::string>("activation") == "gelu";
  model.activation = is_gelu ? MlpActivation::gelu : MlpActivation::relu;
  golden.samples = group.attribute_as<std::int64_t>("samples");
  golden.batch_size = group.attribute_as<std::int64_t>("batch_size");
  golden.tokens = group.dataset("tokens").read<std::int32_t>();
  golden.target_tokens = group.dataset("target_tokens").read<std::int32_t>();
  const ParameterLayout layout = parameter_layout(model);
  golden.initial = read_golden_parameters(group.group("initial"), layout);
  golden.gradient = read_golden_parameters(group.group("gradient"), layout);
  const hdf5::Group runs = group.group("runs");
  for (const std::string& optimizer : runs.members()) {
    golden.runs.push_back(read_golden_transformer_run(runs.group(optimizer), layout));
    golden.runs.back().training.batch_size = golden.batch_size;
  }
  return golden;
}

/// All cases of the file.
inline std::vector<GoldenTransformer> read_golden_transformers() {
  const auto path = std::filesystem::path(STEPBENCH_SOURCE_DIR) / "tests" / "golden" / "transformer.h5";
  const hdf5::File file = hdf5::File::open(path);
  const hdf5::Group root = file.root();
  std::vector<GoldenTransformer> cases;
  for (const std::string& name : root.members()) cases.push_back(read_golden_transformer(root.group(name), name));
  return cases;
}

}  // namespace stepbench::testing
