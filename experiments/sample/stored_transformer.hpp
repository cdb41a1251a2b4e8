// A stored trial as a transformer that can be sampled: model settings, vocabulary and parameters, checked.
#pragma once

#include <string>
#include <vector>

#include "core/results/trial_record.hpp"
#include "core/settings.hpp"

namespace stepbench::sample {

struct StoredTransformer {
  ModelSettings model;
  std::vector<std::string> vocabulary;  // (V)
  std::vector<double> parameters;       // flat, in canonical order
};

[[nodiscard]] bool is_transformer(const TrialRecord& trial);

/// Why the trial cannot be sampled, as it would follow the trial's id in a sentence; empty when nothing speaks against
/// it before its parameters are looked at.
[[nodiscard]] std::string unsuitable_reason(const TrialRecord& trial);

/// Throws InputError whose message, too, follows the trial's id: unsuitable, a setting that is missing or impossible, a
/// tensor that does not fit.
[[nodiscard]] StoredTransformer stored_transformer(const TrialRecord& trial);

}  // namespace stepbench::sample
