#include "core/models/mlp.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.hpp"

namespace stepbench {

ParameterLayout mlp_layout(const ModelSettings& model) {
  ParameterLayout layout;
  for (std::size_t i = 0; i + 1 < model.layers.size(); ++i) {
    layout.add_linear("layers." + std::to_string(i), model.layers[i + 1], model.layers[i]);
  }
  return layout;
}

double mlp_flops(const ModelSettings& model, std::int64_t batch_size) {
  double flops = 0;
  for (std::size_t i = 0; i + 1 < model.layers.size(); ++i) {
    const double products = i == 0 ? 2 : 3;  // forward, weight gradient, and from the second layer on input gradient
    flops += products * 2 * static_cast<double>(batch_size) * static_cast<double>(model.layers[i]) *
             static_cast<double>(model.layers[i + 1]);
  }
  return flops;
}

void check_mlp(const TrialSettings& trial) {
  if (trial.model.loss != Loss::squared_error && trial.model.output != OutputActivation::linear) {
    throw SettingError(
        "model.output",
        fmt::format("found \"relu\" with model.loss = {}, allowed: linear",
                    trial.model.loss == Loss::cross_entropy ? "cross_entropy" : "stablemax_cross_entropy"));
  }
}

void fit_mlp(TrialSettings& trial, const Dataset& dataset) {
  const std::vector<std::int64_t>& layers = trial.model.layers;
  const bool has_labels = !dataset.train.labels.empty();
  if (layers.front() != dataset.features || layers.back() != dataset.outputs) {
    throw SettingError("model.layers",
                       fmt::format("found {}, but the data has {} features and {} {}: allowed: {},...,{}",
                                   fmt::join(layers, ","), dataset.features, dataset.outputs,
                                   has_labels ? "classes" : "targets", dataset.features, dataset.outputs));
  }
  if (trial.model.loss != Loss::squared_error && !has_labels) {
    throw SettingError(
        "model.loss",
        fmt::format("{} needs class labels, but the data has targets: allowed: squared_error",
                    trial.model.loss == Loss::cross_entropy ? "cross_entropy" : "stablemax_cross_entropy"));
  }
  if (trial.training.target && trial.training.target->metric == Target::Metric::validation_accuracy && !has_labels) {
    throw SettingError("training.target", "validation_accuracy needs class labels, but the data has targets");
  }
}

}  // namespace stepbench
