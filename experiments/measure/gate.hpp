// The correctness gate: no backend gets a time before its loss, its gradients and one whole training step agree with
// the `neuron` backend in float64 on the trial's first batch.
//
// Deliberately not here: optimisers other than SGD. Their formulas are proved by the tests; what can go wrong per
// machine and shape is the matrix products and the order in which parameters change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/dataset.hpp"
#include "core/results/trial_record.hpp"
#include "core/settings.hpp"
#include "variants/registry.hpp"

namespace stepbench {

/// What float64 `neuron` computes from a trial's initial parameters on its first batch, in canonical order.
struct GateReference {
  double loss = 0;
  std::vector<double> gradients;
  /// Of the gate's training step: large enough to move every matrix by at least a tenth of its norm, so that float32's
  /// rounding of the stored parameters does not drown the change that is compared.
  double learning_rate = 0;
  std::vector<double> change;  // of the parameters, by one step of plain SGD in the trial's update order
};

struct GateResult {
  bool passed = false;
  std::string message;  // the first disagreement, where it did not pass
  std::vector<TensorCheck> checks;
};

/// Relative L2, per tensor and for the loss.
[[nodiscard]] double gate_tolerance(Precision precision);

/// `order`: gate_batch's.
[[nodiscard]] GateReference gate_reference(const Backend& reference, const TrialSettings& trial, const Dataset& dataset,
                                           std::span<const std::int64_t> order);

[[nodiscard]] GateResult run_gate(const Backend& backend, const GateReference& reference, const TrialSettings& trial,
                                  const Dataset& dataset, std::span<const std::int64_t> order);

}  // namespace stepbench
