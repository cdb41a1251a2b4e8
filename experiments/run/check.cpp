#include "experiments/run/check.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/affinity.hpp"
#include "core/arm.hpp"
#include "core/error.hpp"
#include "core/models/parameters.hpp"
#include "experiments/expect/report.hpp"
#include "experiments/machine/probes.hpp"
#include "experiments/measure/gate.hpp"
#include "experiments/measure/trial_limits.hpp"
#include "experiments/measure/trial_run.hpp"
#include "experiments/plan/trial_steps.hpp"
#include "experiments/terminal/text_table.hpp"

namespace stepbench {
namespace {

constexpr double kMega = 1e6;

std::string scientific(double value) { return value == 0 ? "0" : fmt::format("{:.1e}", value); }

std::string megabytes(double bytes) { return std::isnan(bytes) ? "-" : fmt::format("{:.1f}", bytes / kMega); }

/// NaN counts as the worst.
double worst(std::span<const TensorCheck> checks, double TensorCheck::*error) {
  double result = 0;
  for (const TensorCheck& check : checks) {
    if (!(check.*error <= result)) result = check.*error;
  }
  return result;
}

}  // namespace

std::string describe_plan(const Experiment& experiment, std::span<const PlannedGroup> groups) {
  TextTable table;
  table.add_column("trial", TextTable::Align::left);
  for (const char* heading : {"parameters", "MFLOP/step", "MB/step", "memory MB", "steps", "train", "validation"})
    table.add_column(heading);
  table.add_column("CPUs", TextTable::Align::left);
  table.add_column("", TextTable::Align::left);
  std::int64_t trials = 0;
  std::map<std::string, std::set<std::string>> not_pinned;  // arms by reason
  for (const PlannedGroup& group : groups) {
    for (const PlannedTrial& planned : group.trials) {
      const TrialSettings& trial = *planned.settings;
      ++trials;
      if (planned.unsupported.empty() && trial.places.cpus.empty()) {
        not_pinned[not_pinned_text(trial.places.why_not)].insert(arm_of(trial).name());
      }
      table.add_row({trial.id, std::to_string(parameter_layout(trial.model).size),
                     fmt::format("{:.3f}", flops_per_step(trial, *planned.dataset) / kMega),
                     megabytes(bytes_per_step(trial, *planned.dataset)), megabytes(memory_of(planned).sum()),
                     std::to_string(steps_of_trial(trial, *planned.dataset)),
                     std::to_string(planned.dataset->train.samples),
                     std::to_string(planned.dataset->validation.samples),
                     !planned.unsupported.empty() ? "-"
                     : trial.places.cpus.empty()  ? "any"
                                                  : listed_cpus(trial.places.cpus),
                     planned.unsupported.empty() ? "" : "unsupported: " + planned.unsupported});
    }
  }
  std::string text =
      fmt::format("{}: {} trials in {} groups\n\n{}", experiment.settings.name, trials, groups.size(), table.text());
  for (const auto& [why, arms] : not_pinned) text += fmt::format("{} ({})\n", why, fmt::join(arms, ", "));
  const std::string expected = expectations_of_plan(experiment.expectations);
  return expected.empty() ? text : text + "\n" + expected;
}

GateReport check_gates(std::span<const PlannedGroup> groups) {
  const Backend& reference = *find_backend(backends(), kReferenceBackend);
  GateReport report;
  std::string failures;
  TextTable table;
  table.add_column("trial", TextTable::Align::left);
  for (const char* heading : {"parameters", "gradients", "moments", "activations", "copies", "all", "heap",
                              "gradient error", "step error", "gate"})
    table.add_column(heading);
  for (const PlannedGroup& group : groups) {
    Gate group_gate(reference);
    for (const PlannedTrial& planned : group.trials) {
      if (!planned.unsupported.empty()) continue;
      const TrialSettings& trial = *planned.settings;
      try {
        const Memory free = read_memory("/");
        require_memory(memory_of(planned), static_cast<double>(free.available), static_cast<double>(free.total));
        const GateResult gate = group_gate.check(*planned.backend, trial, *planned.dataset);
        const TrialRecord record = start_trial(*planned.backend, trial, *planned.dataset, {})->record();
        const NetworkMemory memory = memory_of(planned);
        table.add_row({trial.id, megabytes(memory.parameters), megabytes(memory.gradients), megabytes(memory.moments),
                       megabytes(memory.activations), megabytes(memory.copies), megabytes(memory.sum()),
                       megabytes(static_cast<double>(record.network_bytes)),
                       scientific(worst(gate.checks, &TensorCheck::gradient_error)),
                       scientific(worst(gate.checks, &TensorCheck::update_error)), gate.passed ? "passed" : "FAILED"});
        if (gate.passed) continue;
        failures += fmt::format("{} failed: {}\n", trial.id, gate.message);
        report.passed = false;
      } catch (const std::exception& error) {
        table.add_row({trial.id, "-", "-", "-", "-", "-", "-", "-", "-", "-", "failed"});
        failures += fmt::format("{} failed: {}\n", trial.id, reason_of(error));
        report.failed = true;
      }
    }
  }
  report.text = "memory in MB, by the model; heap: what making the network took of it\n\n" + table.text() + failures;
  return report;
}

}  // namespace stepbench
