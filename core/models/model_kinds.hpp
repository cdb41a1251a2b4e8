// What a kind of model is: a row of the one table of them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/data/dataset.hpp"
#include "core/models/parameters.hpp"
#include "core/models/step_work.hpp"
#include "core/settings.hpp"

namespace stepbench {

struct ModelKindRow {
  ModelKind kind;
  std::string_view name;     // `model.kind`
  std::string_view summary;  // one line for `stepbench list models`
  ParameterLayout (*layout)(const ModelSettings&);
  double (*flops_per_step)(const ModelSettings&, std::int64_t batch_size);  // as flops_per_step of parameters.hpp
  /// Operations, and traffic in elements, of a step on B samples (step_work.hpp).
  StepWork (*work)(const ModelSettings&, const TrainingSettings&, double batch_size);
  /// Elements that a network for B samples holds beside its parameters, gradients and moments, without the batch.
  double (*activations)(const ModelSettings&, double batch_size);
  /// Elements of a sample of the batch, once it is gathered: features and dense targets.
  double (*gathered)(const ModelSettings&);
  /// Rows of the layers' inputs that one sample makes: 1 of an MLP, the T positions of a transformer.
  std::int64_t (*rows_per_sample)(const ModelSettings&);
  /// Throws SettingError for the first rule among the settings that is broken, before any data is known.
  void (*check)(const TrialSettings&);
  /// Completes the model with what only the data tells. Throws SettingError when the two do not fit.
  void (*fit)(TrialSettings&, const Dataset&);
};

[[nodiscard]] std::span<const ModelKindRow> model_kinds();
[[nodiscard]] const ModelKindRow& row_of(ModelKind kind);

}  // namespace stepbench
