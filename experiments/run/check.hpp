// What `stepbench check` and `run --dry-run` say about a config before anything is trained.
#pragma once

#include <span>
#include <string>

#include "core/config/experiment.hpp"
#include "experiments/plan/plan.hpp"

namespace stepbench {

/// A row per trial: parameters, FLOPs per step, steps, and why it cannot run where it cannot.
[[nodiscard]] std::string describe_plan(const Experiment& experiment, std::span<const PlannedGroup> groups);

struct GateReport {
  std::string text;     // a row per supported trial: memory of its network, worst errors, verdict
  bool passed = true;   // the gate, by all that could compute
  bool failed = false;  // a trial threw
};

/// Makes each network and passes it through the gate. What a trial throws is its row; the others go on.
[[nodiscard]] GateReport check_gates(std::span<const PlannedGroup> groups);

}  // namespace stepbench
