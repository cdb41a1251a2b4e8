// The correctness gate: no backend gets a time before its loss, its gradients and one whole training step agree with
// the `neuron` backend in float64 on the trial's first batch.
//
// Deliberately not here: our optimisers other than SGD. Their formulas are proved by the tests; what can go wrong per
// machine and shape is the matrix products and the order in which parameters change. Of a network in a process of its
// own, which is somebody else's, the first losses under the trial's own optimiser are held against the reference's.
//
// A trial in bfloat16 is held against the reference in its own arithmetic: float64 that is rounded wherever the trial
// rounds. An update is then held against the reference's by the backend's own gradients, but for one element of the
// network that float32 rounds to the other side, and all parameters must be numbers of bfloat16.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/data/dataset.hpp"
#include "core/results/trial_record.hpp"
#include "core/settings.hpp"
#include "variants/registry.hpp"

namespace stepbench {

struct GateResult {
  bool passed = false;
  std::string message;  // the first disagreement, where it did not pass
  std::vector<TensorCheck> checks;
};

/// Relative L2, per tensor and for the loss.
struct GateTolerance {
  double gradients;  // and the loss
  double update;     // the change that an update makes with the network's own gradients
  double step;       // the change that a training step makes
};
[[nodiscard]] GateTolerance gate_tolerance(const TrialSettings& trial, std::int64_t samples);

/// The gate of a group: its trials differ in backend and threads only, so what the reference computes serves all that
/// have one batch: all of them, but in a study of weak scaling.
class Gate {
 public:
  /// `reference`: kReferenceBackend's.
  explicit Gate(const Backend& reference) : reference_(reference) {}

  /// Holds the backend's network against the reference; a trial with `measure.gate = false` passes without. Throws what
  /// the making and training of a network throws.
  [[nodiscard]] GateResult check(const Backend& backend, const TrialSettings& trial, const Dataset& dataset);

 private:
  /// What float64 `neuron` computes from the group's initial parameters on its first batch, in canonical order.
  struct Expected {
    std::int64_t batch_size = 0;
    std::vector<std::int64_t> order;  // gate_batch's
    double loss = 0;
    std::vector<double> gradients;
    /// Of the gate's training step: large enough to move every matrix by at least a tenth of its norm, so that
    /// float32's rounding of the stored parameters does not drown the change that is compared.
    double learning_rate = 0;
    std::vector<double> change;  // of the parameters, by one step of plain SGD in the trial's update order
  };
  /// What apply_update of the reference changes with the gradients of another.
  [[nodiscard]] std::vector<double> expected_update(const TrialSettings& trial, const Dataset& dataset,
                                                    const std::vector<double>& gradients) const;
  [[nodiscard]] Expected expect(const TrialSettings& trial, const Dataset& dataset) const;
  /// Why the first losses under the trial's optimiser are wrong; empty when they are right.
  [[nodiscard]] std::string check_optimiser(const Backend& backend, const TrialSettings& trial, const Dataset& dataset);

  const Backend& reference_;
  std::optional<Expected> expected_;
  std::vector<double> losses_;  // the reference's, once they were asked for
};

}  // namespace stepbench
