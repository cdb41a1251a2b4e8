// Result files with made-up transformers, as `stepbench run` would have stored them, for tests of what reads them.
#pragma once

#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "core/models/parameters.hpp"
#include "core/random.hpp"
#include "core/results/trial_record.hpp"
#include "core/text/json_strings.hpp"

namespace stepbench::testing {

/// D 8, H 2, L 2, T 6, V 5, learned positions, gelu, an output matrix of its own.
inline ModelSettings small_transformer() {
  ModelSettings model;
  model.kind = ModelKind::transformer;
  model.d_model = 8;
  model.heads = 2;
  model.blocks = 2;
  model.context = 6;
  model.vocabulary_size = 5;
  return model;
}

/// All drawn, biases and norms too, and large enough that every part of the network makes a difference.
inline std::vector<double> random_parameters(const ModelSettings& model, std::uint64_t seed = 1) {
  RandomStream stream(seed, Purpose::generated_data);
  std::vector<double> parameters(static_cast<std::size_t>(parameter_layout(model).size));
  for (double& value : parameters) value = 0.5 * stream.normal();
  return parameters;
}

/// `Stored`: the type that the file keeps.
template <typename Stored = double>
std::vector<NamedTensor> named_tensors(const ModelSettings& model, const std::vector<double>& parameters) {
  std::vector<NamedTensor> tensors;
  for (const ParameterTensor& tensor : parameter_layout(model).tensors) {
    std::vector<Stored> values;
    for (const double value : tensor_of(std::span<const double>(parameters), tensor)) {
      values.push_back(static_cast<Stored>(value));
    }
    tensors.push_back({tensor.name, tensor.shape, std::move(values)});
  }
  return tensors;
}

inline TrialRecord stored_trial(const std::string& id, ModelSettings model, const std::vector<std::string>& vocabulary,
                                std::uint64_t seed = 1) {
  model.vocabulary_size = std::ssize(vocabulary);
  TrialRecord trial;
  trial.id = id;
  trial.settings = {
      {"model.kind", std::string("transformer")},
      {"model.loss", std::string("cross_entropy")},
      {"model.d_model", model.d_model},
      {"model.heads", model.heads},
      {"model.blocks", model.blocks},
      {"model.context", model.context},
      {"model.position", std::string(model.position == PositionEncoding::learned ? "learned" : "sinusoidal")},
      {"model.activation", std::string(model.activation == MlpActivation::gelu ? "gelu" : "relu")},
      {"model.tied_embeddings", model.tied_embeddings}};
  trial.vocabulary = to_json(vocabulary);
  trial.final_parameters = named_tensors(model, random_parameters(model, seed));
  return trial;
}

/// A file with the trials in their order.
inline ResultFile stored_file(std::vector<TrialRecord> trials) {
  ResultFile file;
  file.experiment = "made-up";
  file.trials = std::move(trials);
  return file;
}

}  // namespace stepbench::testing
