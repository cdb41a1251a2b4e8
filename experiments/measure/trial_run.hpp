// One trial in progress: its network, its place in the data, and what has been recorded so far. The runner decides when
// a block of steps runs; this class runs it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/data/dataset.hpp"
#include "core/results/trial_record.hpp"
#include "core/settings.hpp"
#include "variants/registry.hpp"

namespace stepbench {

class TrialRun {
 public:
  virtual ~TrialRun() = default;

  /// Steps of the whole trial.
  [[nodiscard]] virtual std::int64_t total_steps() const = 0;

  /// Trains `count` more steps as round `round`, under a claim of the network's threads; evaluates, outside the timed
  /// regions, wherever measure.evaluate_every falls. Stops for good after a step whose loss is not finite; after the
  /// step under way, or in the midst of an evaluation, which is then not recorded, when stop_requested().
  virtual void train(std::int64_t count, std::int64_t round) = 0;

  /// False once the trial has diverged or is through.
  [[nodiscard]] virtual bool can_train() const = 0;

  /// What was recorded, with digest and parameters as they are now.
  [[nodiscard]] virtual TrialRecord record() const = 0;
};

/// Makes the network with its initial parameters. `record` holds what is known before training and is completed.
[[nodiscard]] std::unique_ptr<TrialRun> start_trial(const Backend& backend, const TrialSettings& trial,
                                                    const Dataset& dataset, TrialRecord record);

/// Samples of a full training step: training.batch_size, but never more than the data has.
[[nodiscard]] std::int64_t samples_per_step(const TrialSettings& trial, const Dataset& dataset);
/// Floating-point operations of such a step.
[[nodiscard]] double flops_per_step(const TrialSettings& trial, const Dataset& dataset);

/// Steps of an epoch, and of the whole trial.
[[nodiscard]] std::int64_t steps_per_epoch(const TrialSettings& trial, const Dataset& dataset);
[[nodiscard]] std::int64_t steps_of_trial(const TrialSettings& trial, const Dataset& dataset);

/// Rounds that a trial of `total_steps` is cut into: as many as asked for, but never so many that a block has no step
/// that counts. Steps of the block of round `round`.
[[nodiscard]] std::int64_t rounds_of_trial(const MeasureSettings& measure, std::int64_t total_steps);
[[nodiscard]] std::int64_t steps_of_round(std::int64_t total_steps, std::int64_t rounds, std::int64_t round);

/// Fills the summary from the series. `peak_gflops`: FMA peak of as many cores as the trial has threads.
void summarise(TrialRecord& record, const TrialSettings& trial, const Dataset& dataset, double peak_gflops);

/// Median wall time of the steps that count of each round 0 .. rounds-1; NaN for a round without any. A step counts
/// when its batch is full and it is not among the first measure.warmup_steps of its round.
[[nodiscard]] std::vector<double> round_step_times(const TrialRecord& record, const TrialSettings& trial,
                                                   const Dataset& dataset, std::int64_t rounds);

}  // namespace stepbench
