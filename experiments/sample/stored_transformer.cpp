#include "experiments/sample/stored_transformer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/models/parameters.hpp"
#include "core/text/json_strings.hpp"
#include "experiments/plan/start_parameters.hpp"

namespace stepbench::sample {
namespace {

template <typename T>
T setting(const TrialRecord& trial, std::string_view key) {
  const auto found = std::ranges::find(trial.settings, key, &KeyValues::value_type::first);
  const T* value = found == trial.settings.end() ? nullptr : std::get_if<T>(&found->second);
  if (value == nullptr) throw InputError(fmt::format("stores no {}", key));
  return *value;
}

std::int64_t count(const TrialRecord& trial, std::string_view key, std::int64_t largest) {
  const auto value = setting<std::int64_t>(trial, key);
  if (value >= 1 && value <= largest) return value;
  throw InputError(fmt::format("has {} = {}, which fits no stored parameters", key, value));
}

std::vector<std::string> read_vocabulary(const TrialRecord& trial) {
  try {
    return strings_from_json(trial.vocabulary);
  } catch (const InputError& error) {
    throw InputError(fmt::format("has a vocabulary that cannot be read: {}", error.what()));
  }
}

/// The first of two names, or the second.
bool is_first(const TrialRecord& trial, std::string_view key, std::string_view first, std::string_view second) {
  const auto value = setting<std::string>(trial, key);
  if (value == first || value == second) return value == first;
  throw InputError(fmt::format("has {} = {}, allowed: {}, {}", key, value, first, second));
}

}  // namespace

bool is_transformer(const TrialRecord& trial) {
  const auto kind = std::ranges::find(trial.settings, "model.kind", &KeyValues::value_type::first);
  return kind != trial.settings.end() && kind->second == Value(std::string("transformer"));
}

std::string unsuitable_reason(const TrialRecord& trial) {
  if (!is_transformer(trial)) return "is not a transformer";
  if (trial.final_parameters.empty()) return "stores no parameters: run it with record.parameters = final";
  if (trial.vocabulary.empty()) return "stores no vocabulary";
  if (text_of(trial.settings, "model.loss") == "stablemax_cross_entropy") {
    return "was trained with stablemax: what it puts out is not for the softmax that sampling draws by";
  }
  return "";
}

StoredTransformer stored_transformer(const TrialRecord& trial) {
  const std::string unsuitable = unsuitable_reason(trial);
  if (!unsuitable.empty()) throw InputError(unsuitable);
  StoredTransformer stored;
  stored.vocabulary = read_vocabulary(trial);
  if (stored.vocabulary.empty()) throw InputError("has an empty vocabulary");
  ModelSettings& model = stored.model;
  model.kind = ModelKind::transformer;
  // Bounds that keep a made-up file from asking for more memory than its tensors can fill.
  constexpr std::int64_t kLargest = 1 << 24;
  model.d_model = count(trial, "model.d_model", kLargest);
  model.heads = count(trial, "model.heads", model.d_model);
  model.blocks = count(trial, "model.blocks", std::ssize(trial.final_parameters));
  model.context = count(trial, "model.context", kLargest);
  if (model.d_model % model.heads != 0) {
    throw InputError(fmt::format("has {} heads for a width of {}", model.heads, model.d_model));
  }
  model.position = is_first(trial, "model.position", "learned", "sinusoidal") ? PositionEncoding::learned
                                                                              : PositionEncoding::sinusoidal;
  model.activation = is_first(trial, "model.activation", "gelu", "relu") ? MlpActivation::gelu : MlpActivation::relu;
  model.tied_embeddings = setting<bool>(trial, "model.tied_embeddings");
  model.vocabulary_size = std::ssize(stored.vocabulary);
  stored.parameters = in_canonical_order(trial.final_parameters, parameter_layout(model), Precision::float64);
  return stored;
}

}  // namespace stepbench::sample
