// What a step of the MLP moves and holds: see step_work.hpp.
//
// Letters: B batch, n_l outputs of layer l (n_-1: the network's inputs), K = outputs of the last.
#include "core/models/mlp.hpp"
#include "core/models/step_work.hpp"

namespace stepbench {

StepWork mlp_work(const ModelSettings& model, const TrainingSettings& training, double batch) {
  StepWork work;
  for (std::size_t l = 0; l + 1 < model.layers.size(); ++l) {
    const LinearShape layer{batch, static_cast<double>(model.layers[l]), static_cast<double>(model.layers[l + 1])};
    add_forward(work, layer);
    if (l > 0) add_input_gradient(work, layer, /*masked=*/true);  // nothing below wants the first layer's
    add_weight_gradient(work, layer);
  }
  if (training.precision == Precision::bfloat16) {  // the features are rounded first
    const double features = batch * static_cast<double>(model.layers.front());
    work[Phase::forward].activations.read += scalar_bytes(training) / stored_bytes(training) * features;
    work[Phase::forward].activations.written += features;
  }
  const double outputs = batch * static_cast<double>(model.layers.back());
  PhaseWork& loss = work[Phase::loss];
  loss.activations.read += model.loss == Loss::squared_error ? 2 * outputs : outputs;  // targets, too
  loss.activations.written += outputs;
  add_update(work, training, static_cast<double>(mlp_layout(model).size));
  return work;
}

double mlp_activations(const ModelSettings& model, double batch) {
  double elements = 0;
  for (std::size_t l = 1; l < model.layers.size(); ++l) elements += 2 * static_cast<double>(model.layers[l]);
  return batch * elements;
}

double mlp_gathered(const ModelSettings& model) {
  const std::int64_t targets = model.loss == Loss::squared_error ? model.layers.back() : 0;
  return static_cast<double>(model.layers.front() + targets);
}

}  // namespace stepbench
