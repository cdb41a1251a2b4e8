#include "core/models/transformer.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace stepbench {

ParameterLayout transformer_layout(const ModelSettings& model) {
  ParameterLayout layout;
  const std::int64_t width = model.d_model;
  layout.add("token_embedding.weight", {model.vocabulary_size, width}, ParameterRole::embedding);
  if (model.position == PositionEncoding::learned) {
    layout.add("position_embedding.weight", {model.context, width}, ParameterRole::embedding);
  }
  for (std::int64_t i = 0; i < model.blocks; ++i) {
    const std::string block = "blocks." + std::to_string(i);
    layout.add_norm(block + ".norm1", width);
    layout.add_linear(block + ".attention.qkv", 3 * width, width);
    layout.add_linear(block + ".attention.output", width, width);
    layout.add_norm(block + ".norm2", width);
    layout.add_linear(block + ".mlp.up", 4 * width, width);
    layout.add_linear(block + ".mlp.down", width, 4 * width);
  }
  layout.add_norm("final_norm", width);
  if (!model.tied_embeddings) layout.add("head.weight", {model.vocabulary_size, width}, ParameterRole::matrix);
  return layout;
}

double transformer_flops(const ModelSettings& model, std::int64_t batch_size) {
  const auto width = static_cast<double>(model.d_model), context = static_cast<double>(model.context);
  const double tokens = static_cast<double>(batch_size) * context;
  // QKV 3 D^2, output D^2, MLP 8 D^2; the head V D; each forward, for the weights and for the inputs.
  const double linear =
      static_cast<double>(model.blocks) * 12 * width * width + static_cast<double>(model.vocabulary_size) * width;
  // Scores and weighted sum forward, twice that backward; a position sees half of the others on average.
  const double attention = static_cast<double>(model.blocks) * 6 * context * width / 2;
  return tokens * (3 * 2 * linear + 2 * attention);
}

void check_transformer(const TrialSettings& trial) {
  const ModelSettings& model = trial.model;
  if (trial.training.update_order == UpdateOrder::layerwise) {
    throw SettingError("training.update_order",
                       "found \"layerwise\" with model.kind = transformer, allowed: simultaneous");
  }
  if (model.d_model % model.heads != 0) {
    throw SettingError("model.heads",
                       fmt::format("found \"{}\" with model.d_model = {}, allowed: a divisor of model.d_model",
                                   model.heads, model.d_model));
  }
  if (model.position == PositionEncoding::sinusoidal && model.d_model % 2 != 0) {
    throw SettingError("model.position",
                       fmt::format("found \"sinusoidal\" with model.d_model = {}, allowed: learned, or an even "
                                   "model.d_model",
                                   model.d_model));
  }
  if (model.loss == Loss::squared_error) {
    throw SettingError("model.loss",
                       "found \"squared_error\" with model.kind = transformer, allowed: cross_entropy, "
                       "stablemax_cross_entropy");
  }
  const std::int64_t parameters = transformer_layout(model).size;  // but for the vocabulary's, which the data brings
  if (parameters > kMostParameters) {
    throw SettingError("model.d_model",
                       fmt::format("found \"{}\", which with model.blocks = {} and model.context = {} makes {} "
                                   "parameters, allowed: at most {}",
                                   model.d_model, model.blocks, model.context, parameters, kMostParameters));
  }
}

void fit_transformer(TrialSettings& trial, const Dataset& dataset) {
  ModelSettings& model = trial.model;
  if (dataset.context == 0) {
    throw SettingError("model.kind",
                       fmt::format("found \"transformer\", but dataset.kind = {} has features and no tokens, allowed: "
                                   "mlp",
                                   trial.dataset.kind));
  }
  model.vocabulary_size = dataset.outputs;
  const std::int64_t parameters = transformer_layout(model).size;
  if (parameters > kMostParameters) {
    throw SettingError("model.d_model",
                       fmt::format("found \"{}\", which with the data's vocabulary of {} makes {} parameters, allowed: "
                                   "at most {}",
                                   model.d_model, dataset.outputs, parameters, kMostParameters));
  }
}

}  // namespace stepbench
