// A trial in progress, as a round sees it, wherever its network lives: in this process (start_trial) or in a worker
// behind a pipe (race/racer.hpp). Whoever takes the rounds decides when a block of steps runs; a run runs it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "core/data/dataset.hpp"
#include "core/results/trial_record.hpp"
#include "core/settings.hpp"
#include "variants/registry.hpp"

namespace stepbench {

/// What came of a block of steps.
struct Block {
  double step_time = kNotANumber;  // s: median of the steps that count (counted_times); NaN: none does
  std::vector<double> losses;      // a step each; fewer than asked for once a trial has diverged, or was stopped
};

struct TrialState;

class TrialRun {
 public:
  TrialRun() = default;
  TrialRun(const TrialRun&) = delete;
  TrialRun& operator=(const TrialRun&) = delete;
  virtual ~TrialRun() = default;

  /// Steps of the whole trial.
  [[nodiscard]] virtual std::int64_t total_steps() const = 0;

  /// False once the trial has diverged or is through.
  [[nodiscard]] virtual bool can_train() const = 0;

  /// Trains `count` more steps as round `round`; evaluates, outside the timed regions,
  /// wherever measure.evaluate_every falls. Stops for good after a step whose loss is not finite; after the step under
  /// way, or in the midst of an evaluation, which is then not recorded, when stop_requested().
  virtual Block train(std::int64_t count, std::int64_t round) = 0;

  /// The processes on this machine that the steps are trained in; none: this one.
  [[nodiscard]] virtual std::vector<pid_t> processes() const { return {}; }

  /// What was recorded, with digest and parameters as they are now. A worker tells its losses and its digest.
  [[nodiscard]] virtual TrialRecord record() = 0;

  /// False where the moments stay in a process of their own.
  [[nodiscard]] virtual bool can_save() const { return false; }
  /// Between blocks, of a run that can_save().
  [[nodiscard]] virtual TrialState save() const;
  /// Instead of all that was trained so far. The state is one of the same trial, and the run can_save().
  virtual void restore(const TrialState& state);
};

/// What another run of the same trial needs to go on from here as if nothing had been in between: on another backend of
/// the same precision, in another process. Values are exact for both scalar types.
struct TrialState {
  std::vector<double> parameters, first_moment, second_moment;  // in canonical order (core/models/parameters.hpp)
  std::vector<double> compensation, master_weights;             // in the same; empty where the training keeps none
  StepSeries steps;
  EpochSeries epochs;
  std::vector<std::int64_t> order;  // as TrialRecord has it
  std::int64_t order_epochs = 0;
  std::int64_t diverged_at_step = -1;
  double train_time = 0;  // s
  double loss_sum = 0;    // since the last evaluation, over what batches count
  std::int64_t loss_count = 0;
  double gradient_square_sum = 0, gradient_variance_sum = 0;  // of the steps since then that told them
  std::int64_t gradient_count = 0;
  std::vector<std::int64_t> threads_by_block;
  std::string cpus;  // as TrialRecord has it
};

/// A run in this process.
class LocalTrialRun : public TrialRun {
 public:
  /// As of the network (core/network.hpp).
  virtual bool trace_steps(StepTrace* trace) = 0;
  [[nodiscard]] virtual HandOutCosts measure_hand_out() = 0;
  /// Of the last step, s: what its wall time has besides the network's.
  [[nodiscard]] virtual double gathering_time() const = 0;
};

/// Makes the network with its initial parameters. `record` holds what is known before training and is completed.
/// `trial` and `dataset` outlive the run. `cores`: as of NetworkSettings.
[[nodiscard]] std::unique_ptr<LocalTrialRun> start_trial(const Backend& backend, const TrialSettings& trial,
                                                         const Dataset& dataset, TrialRecord record,
                                                         std::int64_t cores = 0);

}  // namespace stepbench
