#include "experiments/measure/trial_limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/models/step_work.hpp"
#include "core/results/lookup.hpp"
#include "core/statistics.hpp"
#include "core/supply.hpp"
#include "experiments/machine/cache_level.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/machine/topology.hpp"
#include "experiments/measure/summary.hpp"
#include "experiments/plan/trial_steps.hpp"

namespace stepbench {
namespace {

constexpr double kGiga = 1e9;

/// Median over the steps that count; NaN where nobody told the phases.
double phase_seconds(const StepSeries& steps, const std::vector<std::size_t>& counted, Phase phase) {
  std::vector<double> seconds;
  for (const std::size_t step : counted) seconds.push_back(steps.phase_time[step][phase]);
  return median(seconds);
}

/// Median over the blocks: of the time of the cores that the trial's threads could have had, the part in which they ran
/// or were ready to; never above 1. What spins counts as busy, and one thread always has work.
double measured_share(const TrialRecord& record, const GroupRecord& rounds, int cores) {
  if (cores == 1) return 1;
  const std::vector<double> cpu = column_of(rounds, rounds.cpu_time, record.id);
  const std::vector<double> delay = column_of(rounds, rounds.run_delay, record.id);
  const std::vector<double> wall = column_of(rounds, rounds.block_time, record.id);
  std::vector<double> shares;
  for (std::size_t r = 0; r < cpu.size(); ++r) {
    const double share = (cpu[r] + (std::isnan(delay[r]) ? 0 : delay[r])) / (wall[r] * cores);
    if (share > 0) shares.push_back(std::min(1.0, share));
  }
  return median(shares);
}

/// The update where it is in the backward pass: then it seems to take less than half of the time that its bytes need.
bool is_within_backward(const PhaseWork& update, double seconds, const Roof& roof) {
  constexpr double kImpossible = 0.5;
  return !(seconds >= kImpossible * update.bytes() / roof.bandwidth);
}

PhaseWork sum_of(const PhaseWork& first, const PhaseWork& second) {
  PhaseWork sum = first;
  sum.add(second);
  return sum;
}

/// For batches of at most so many samples, without copies of weights.
NetworkMemory memory_for(const PlannedTrial& planned, std::int64_t batch_size) {
  const TrialSettings& trial = *planned.settings;
  NetworkMemory memory = network_memory(trial.model, trial.training, batch_size);
  if (planned.backend->network_per_thread) {
    const auto networks = static_cast<double>(trial.threads);
    memory.gradients *= networks;
    memory.moments *= networks;
    memory.activations *= networks;
  }
  return memory;
}

}  // namespace

NetworkMemory memory_of(const PlannedTrial& trial) {
  const TrialSettings& settings = *trial.settings;
  if (trial.backend->own_process || settings.ranks.count > 0) return {};
  const std::int64_t largest =
      std::min(settings.batch_size(), std::max(trial.dataset->train.samples, trial.dataset->validation.samples));
  NetworkMemory memory = memory_for(trial, largest);
  if (trial.backend->copies_weights) memory.copies = copied_weights(settings.model, settings.training);
  return memory;
}

void require_memory(const NetworkMemory& needed, double available, double limit) {
  const double with_start = needed.sum() + needed.parameters;
  if (!(with_start > available) || available == 0) return;  // NaN: unknown
  throw SupplyError(fmt::format(
      "its network needs {:.2f} GB (parameters {:.2f}, gradients {:.2f}, moments {:.2f}, activations {:.2f}, copies of "
      "weights {:.2f}, initial parameters {:.2f}), {:.2f} GB of {:.2f} GB are free: take a smaller model or batch, or "
      "fewer backends in one group",
      with_start / kGiga, needed.parameters / kGiga, needed.gradients / kGiga, needed.moments / kGiga,
      needed.activations / kGiga, needed.copies / kGiga, needed.parameters / kGiga, available / kGiga, limit / kGiga));
}

void judge_limits(TrialRecord& record, const PlannedTrial& planned, const GroupRecord& rounds, const Peaks& peaks) {
  const TrialSettings& trial = *planned.settings;
  const std::vector<std::size_t> counted = counted_steps(record.steps, trial, *planned.dataset);
  if (counted.empty() || trial.ranks.count > 0) return;
  LimitRecord& limits = record.limits;
  const int cores = cores_at_once(trial.all_threads());
  const StepWork work = step_work(trial.model, trial.training, samples_per_step(trial, *planned.dataset));
  limits.touched_bytes = memory_for(planned, samples_per_step(trial, *planned.dataset)).sum();
  limits.level = level_that_holds(this_topology(), cores, limits.touched_bytes);
  limits.peak_gflops = peaks.of_trial(trial);
  limits.bandwidth = peaks.bandwidth_of_trial(trial, limits.touched_bytes);
  // Tasks that too few could share (NaN: nobody knows of tasks), or threads that waited for something else.
  const double measured = measured_share(record, rounds, cores);
  limits.busy_share = std::fmin(limits.busy_share, measured);
  limits.busy_cores = std::fmin(limits.busy_cores, measured);

  const Roof roof{kGiga * limits.peak_gflops, kGiga * limits.bandwidth};
  const auto add = [&](std::string name, double flops, double bytes, double seconds) {
    limits.phases.push_back(judge_phase(
        std::move(name), {.flops = flops, .bytes = bytes, .seconds = seconds, .busy_share = limits.busy_cores}, roof));
  };
  const auto seconds = [&](Phase phase) { return phase_seconds(record.steps, counted, phase); };
  const auto add_phase = [&](Phase phase) {
    const PhaseWork& own = work[phase];
    const bool has_work = own.flops > 0 || own.bytes() > 0;
    if (!has_work || std::isnan(seconds(phase))) return;
    add(std::string(kPhaseNames[static_cast<std::size_t>(phase)]), own.flops, own.bytes(), seconds(phase));
  };
  add_phase(Phase::forward);
  add_phase(Phase::loss);
  if (is_within_backward(work[Phase::update], seconds(Phase::update), roof) && !std::isnan(seconds(Phase::backward))) {
    const PhaseWork both = sum_of(work[Phase::backward], work[Phase::update]);
    add_phase(Phase::reduce);
    add(std::string(kBackwardAndUpdate), both.flops, both.bytes(), seconds(Phase::backward) + seconds(Phase::update));
  } else {
    for (const Phase phase : {Phase::backward, Phase::reduce, Phase::update}) add_phase(phase);
  }
  add(std::string(kWholeStep), work.flops(), work.bytes(),
      median(counted_times(record.steps, trial, *planned.dataset)));
}

}  // namespace stepbench
