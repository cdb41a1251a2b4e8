#include "experiments/measure/gate_batch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/bfloat16.hpp"
#include "core/data/gather.hpp"
#include "core/models/parameters.hpp"
#include "experiments/plan/start_parameters.hpp"

namespace stepbench {
namespace {

// Epsilons of the trial's precision, relative to the sum of the terms' magnitudes, within which a weighted sum's sign
// is left to rounding. The rounding of one sum of hundreds of terms is about one; the rest is for the layers below.
constexpr double kMarginEpsilons = 16;

/// One layer's parameters in double, straight from the definition: this must not share code with what it guards.
struct LayerView {
  std::span<const double> weight, bias;
  std::size_t inputs, outputs;
  bool relu;
};

/// `rounds`: in a training in bfloat16, whose activations are rounded.
bool is_near_a_kink(const std::vector<LayerView>& layers, std::span<const double> features, double margin,
                    bool rounds) {
  std::vector<double> activations(features.begin(), features.end());
  for (const LayerView& layer : layers) {
    if (rounds)
      std::ranges::transform(activations, activations.begin(), [](double a) { return rounded_to_bfloat16(a); });
    std::vector<double> outputs(layer.outputs);
    for (std::size_t i = 0; i < layer.outputs; ++i) {
      double sum = layer.bias[i], magnitude = std::abs(layer.bias[i]);
      for (std::size_t j = 0; j < layer.inputs; ++j) {
        const double term = layer.weight[i * layer.inputs + j] * activations[j];
        sum += term;
        magnitude += std::abs(term);
      }
      if (layer.relu && std::abs(sum) < margin * magnitude) return true;
      outputs[i] = layer.relu ? std::max(sum, 0.0) : sum;
    }
    activations = std::move(outputs);
  }
  return false;
}

}  // namespace

std::vector<std::int64_t> gate_batch(const TrialSettings& trial, const Dataset& dataset) {
  std::vector<std::int64_t> batch = epoch_order(dataset.train.samples, trial.dataset.shuffle, trial.seed, 0);
  const std::int64_t size =
      std::min({trial.batch_size(), dataset.train.samples, trial.measure.gate_samples.value_or(trial.batch_size())});
  batch.resize(static_cast<std::size_t>(size));
  if (trial.model.kind != ModelKind::mlp) return batch;

  const std::vector<double> parameters = start_parameters<double>(trial);
  const ParameterLayout layout = parameter_layout(trial.model);
  std::vector<LayerView> layers;
  for (std::size_t t = 0; t < layout.tensors.size(); t += 2) {
    const bool last = t + 2 == layout.tensors.size();
    layers.push_back({.weight = tensor_of(std::span(parameters), layout.tensors[t]),
                      .bias = tensor_of(std::span(parameters), layout.tensors[t + 1]),
                      .inputs = static_cast<std::size_t>(layout.tensors[t].shape[1]),
                      .outputs = static_cast<std::size_t>(layout.tensors[t].shape[0]),
                      .relu = !last || trial.model.output == OutputActivation::relu});
  }
  const double epsilon = computes_in_float32(trial.training.precision)
                             ? static_cast<double>(std::numeric_limits<float>::epsilon())
                             : std::numeric_limits<double>::epsilon();
  BatchGatherer<double> gatherer(dataset, 1, /*with_targets=*/false);
  const bool rounds = trial.training.precision == Precision::bfloat16;
  std::vector<std::int64_t> kept;
  for (const std::int64_t sample : batch) {
    const Batch<double> row = gatherer.gather(dataset.train, std::span<const std::int64_t>(&sample, 1));
    if (!is_near_a_kink(layers, row.features, kMarginEpsilons * epsilon, rounds)) kept.push_back(sample);
  }
  return kept.empty() ? batch : kept;
}

}  // namespace stepbench
