// The multilayer perceptron as a kind of model.
#pragma once

#include "core/models/model_kinds.hpp"

namespace stepbench {

/// layers.{i}.weight (out, in), then layers.{i}.bias (out), from the input on.
[[nodiscard]] ParameterLayout mlp_layout(const ModelSettings& model);
/// No input gradient of the first layer.
[[nodiscard]] double mlp_flops(const ModelSettings& model, std::int64_t batch_size);
[[nodiscard]] StepWork mlp_work(const ModelSettings& model, const TrainingSettings& training, double batch);
[[nodiscard]] double mlp_activations(const ModelSettings& model, double batch);
[[nodiscard]] double mlp_gathered(const ModelSettings& model);
[[nodiscard]] inline std::int64_t mlp_rows(const ModelSettings&) { return 1; }
void check_mlp(const TrialSettings& trial);
void fit_mlp(TrialSettings& trial, const Dataset& dataset);

inline constexpr ModelKindRow kMlpRow{
    ModelKind::mlp,  "mlp",        "multilayer perceptron: z = a W^T + b, ReLU on hidden layers",
    mlp_layout,      mlp_flops,    mlp_work,
    mlp_activations, mlp_gathered, mlp_rows,
    check_mlp,       fit_mlp};

}  // namespace stepbench
