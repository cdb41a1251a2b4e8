#include "experiments/measure/trial_run.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "core/affinity.hpp"
#include "core/data/gather.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/lap_clock.hpp"
#include "core/models/parameters.hpp"
#include "core/schedule.hpp"
#include "core/statistics.hpp"
#include "core/step_schedule.hpp"
#include "core/text/json_strings.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/machine/thread_times.hpp"
#include "experiments/measure/summary.hpp"
#include "experiments/measure/threads_seen.hpp"
#include "experiments/plan/start_parameters.hpp"
#include "experiments/plan/trial_steps.hpp"
#include "experiments/terminal/interrupt.hpp"
#include "variants/ranks/ranks.hpp"

namespace stepbench {
namespace {

/// Bytes that the program has taken from the C library's heap.
std::int64_t heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

template <typename Scalar>
std::vector<NamedTensor> named_tensors(const ParameterLayout& layout, const std::vector<Scalar>& flat) {
  std::vector<NamedTensor> tensors;
  for (const ParameterTensor& tensor : layout.tensors) {
    const std::span<const Scalar> values = tensor_of(std::span<const Scalar>(flat), tensor);
    tensors.push_back({tensor.name, tensor.shape, std::vector<Scalar>(values.begin(), values.end())});
  }
  return tensors;
}

/// Samples of the largest batch that a trial gathers, for training or evaluation.
std::int64_t largest_batch(const TrialSettings& trial, const Dataset& dataset) {
  return std::min(trial.batch_size(), std::max(dataset.train.samples, dataset.validation.samples));
}

template <typename Scalar>
class TypedTrialRun final : public LocalTrialRun {
 public:
  TypedTrialRun(const Backend& backend, const TrialSettings& trial, const Dataset& dataset, TrialRecord record,
                std::int64_t cores)
      : trial_(trial),
        dataset_(dataset),
        layout_(parameter_layout(trial.model)),
        record_(std::move(record)),
        gatherer_(dataset, largest_batch(trial, dataset), trial.model.loss == Loss::squared_error),
        total_steps_(steps_of_trial(trial, dataset)),
        initial_(start_parameters<Scalar>(trial)),
        threads_(trial) {
    const std::int64_t before = heap_bytes();
    NetworkSettings settings = network_settings(trial, largest_batch(trial, dataset));
    settings.cores = cores;
    network_ = make_network<Scalar>(backend, settings);
    record_.network_bytes = heap_bytes() - before;
    if (!dataset.vocabulary.empty()) record_.vocabulary = to_json(dataset.vocabulary);
    network_->write(Content::parameters, initial_);
    if (trial.record.parameters == RecordParameters::all) record_.initial_parameters = named_tensors(layout_, initial_);
    if (OwnProcess* own = network_->own_process()) {
      choose_setting(*own);
      network_->write(Content::parameters, initial_);
      const OwnProcess::Description description = own->describe();
      record_.library = description.library;
      record_.setting = description.setting;
      record_.settings_tried = description.settings_tried;
      if (description.link) {
        record_.link_latency = description.link->latency;
        record_.link_bandwidth = description.link->bandwidth;
        record_.gradient_parts = description.link->parts;
      }
    }
    initial_ = std::vector<Scalar>();  // as much memory as the network's own parameters
  }

  [[nodiscard]] std::int64_t total_steps() const override { return total_steps_; }
  [[nodiscard]] bool can_train() const override { return step_ < total_steps_ && !diverged(); }

  Block train(std::int64_t count, std::int64_t round) override {
    const std::size_t first = record_.steps.train_loss.size();
    const auto claim = network_->claim_threads();
    const auto before = thread_times(processes());
    expect_step(longest_step_);
    const std::int64_t traced = step_ + trial_.measure.warmup_steps - 1;  // the last that does not count
    for (const std::int64_t last = step_ + count; step_ < last && can_train() && !stop_requested();) {
      if (BlockTrainer* trainer = network_->block_trainer()) {
        train_block(*trainer, last - step_, round);
      } else {
        train_step(round, step_ == traced && std::isnan(record_.limits.busy_share));
      }
      if (evaluation_is_due(step_)) evaluate();
    }
    threads_.see_block(before, processes(), *claim, record_);
    const std::vector<double>& losses = record_.steps.train_loss;
    return {median(counted_times(record_.steps, trial_, dataset_, first)),
            {losses.begin() + static_cast<std::ptrdiff_t>(first), losses.end()}};
  }

  [[nodiscard]] bool can_save() const override { return network_->own_process() == nullptr; }

  [[nodiscard]] TrialState save() const override {
    return {values_of(Content::parameters),
            values_of(Content::first_moment),
            values_of(Content::second_moment),
            kept_values_of(Content::compensation, trial_.training.compensated),
            kept_values_of(Content::master_weights, trial_.training.master_weights),
            record_.steps,
            record_.epochs,
            record_.order,
            record_.order_epochs,
            record_.diverged_at_step,
            train_time_,
            loss_sum_,
            loss_count_,
            gradient_sums_.square,
            gradient_sums_.variance,
            gradient_count_,
            threads_.by_block(),
            record_.cpus};
  }

  void restore(const TrialState& state) override {
    write_values(Content::parameters, state.parameters);  // first: it clears the moments
    write_values(Content::first_moment, state.first_moment);
    write_values(Content::second_moment, state.second_moment);
    if (!state.compensation.empty()) write_values(Content::compensation, state.compensation);
    if (!state.master_weights.empty()) write_values(Content::master_weights, state.master_weights);
    record_.steps = state.steps;
    record_.epochs = state.epochs;
    record_.order = state.order;
    record_.order_epochs = state.order_epochs;
    record_.diverged_at_step = state.diverged_at_step;
    train_time_ = state.train_time;
    loss_sum_ = state.loss_sum;
    loss_count_ = state.loss_count;
    gradient_sums_ = {.square = state.gradient_square_sum, .variance = state.gradient_variance_sum};
    gradient_count_ = state.gradient_count;
    threads_.restore(state.threads_by_block);
    record_.threads_observed = threads_.in_middle_block();
    record_.cpus = state.cpus;
    step_ = std::ssize(record_.steps.train_loss);
    const std::int64_t per_epoch = steps_per_epoch(trial_, dataset_);
    epoch_ = (step_ + per_epoch - 1) / per_epoch;
    position_ = step_ % per_epoch * trial_.batch_size();
    if (position_ != 0) order_ = training_order(trial_, dataset_, epoch_ - 1);
  }

  bool trace_steps(StepTrace* trace) override { return network_->trace_steps(trace); }

  [[nodiscard]] HandOutCosts measure_hand_out() override {
    const auto claim = network_->claim_threads();
    return network_->measure_hand_out();
  }

  [[nodiscard]] double gathering_time() const override { return gathering_time_; }

  [[nodiscard]] std::vector<pid_t> processes() const override {
    const OwnProcess* own = network_->own_process();
    return own == nullptr ? std::vector<pid_t>() : own->processes();
  }

  [[nodiscard]] TrialRecord record() override {
    TrialRecord record = record_;
    if (diverged()) {
      record.status = Status::diverged;
      record.message = "the training loss is not finite at step " + std::to_string(record.diverged_at_step);
    }
    std::vector<Scalar> parameters(static_cast<std::size_t>(layout_.size));
    network_->read(Content::parameters, parameters);
    Digest digest;
    digest.add_values(std::span<const Scalar>(parameters));
    record.parameter_digest = digest.hex();
    if (trial_.record.parameters != RecordParameters::none) {
      record.final_parameters = named_tensors(layout_, parameters);
    }
    return record;
  }

 private:
  [[nodiscard]] std::vector<double> values_of(Content content) const {
    std::vector<Scalar> values(static_cast<std::size_t>(layout_.size));
    network_->read(content, values);
    return {values.begin(), values.end()};
  }

  /// Empty where the training keeps none.
  [[nodiscard]] std::vector<double> kept_values_of(Content content, bool is_kept) const {
    return is_kept && trial_.training.precision == Precision::bfloat16 ? values_of(content) : std::vector<double>();
  }

  void write_values(Content content, const std::vector<double>& values) {
    std::vector<Scalar> typed(values.size());
    std::ranges::transform(values, typed.begin(), [](double value) { return static_cast<Scalar>(value); });
    network_->write(content, typed);
  }

  [[nodiscard]] bool diverged() const { return record_.diverged_at_step >= 0; }

  /// `traced`: notes what share of its threads' time, and of their cores', had tasks.
  void train_step(std::int64_t round, bool traced) {
    if (position_ == 0) begin_epoch();
    const std::span<const std::int64_t> samples = next_samples();
    StepTrace trace;
    traced = traced && network_->trace_steps(&trace);
    LapClock clock;
    const Batch<Scalar> batch = network_->fetches_features() ? gatherer_.begin_gather(dataset_.train, samples)
                                                             : gatherer_.gather(dataset_.train, samples);
    gathering_time_ = clock.lap();
    const StepResult result = network_->train_step(batch, update_of(step_));
    record_step({result, gathering_time_ + clock.lap()}, batch.counted, round);
    if (!traced) return;
    network_->trace_steps(nullptr);
    record_.limits.busy_share = busy_share(trace.tasks, trial_.threads);
    const std::int64_t at_once = cores_at_once(trial_.threads);
    record_.limits.busy_cores = busy_share(trace.tasks, at_once);
  }

  /// Steps that the network trains by itself, to the next evaluation, `count` at most.
  void train_block(BlockTrainer& trainer, std::int64_t count, std::int64_t round) {
    std::vector<std::int64_t> rows;
    std::vector<BlockStep> steps;
    do {
      add_step(rows, steps);
    } while (std::ssize(steps) < count && !evaluation_is_due(step_ + std::ssize(steps)));
    std::span<const std::int64_t> samples(rows);
    const std::vector<TimedStep> done = trainer.train_block(dataset_.train, rows, steps, stop_requested);
    for (std::size_t i = 0; i < done.size(); ++i) {
      const auto size = static_cast<std::size_t>(steps[i].samples);
      record_step(done[i], counted_of(dataset_.train, samples.first(size)), round);
      samples = samples.subspan(size);
    }
  }

  void choose_setting(OwnProcess& own) {
    constexpr std::int64_t kMost = 16;
    const auto full = static_cast<std::size_t>(samples_per_step(trial_, dataset_) / trial_.copies());
    const std::vector<std::int64_t> order = epoch_order(dataset_.train.samples, trial_.dataset.shuffle, trial_.seed, 0);
    std::vector<std::int64_t> rows;
    std::vector<BlockStep> steps;
    for (std::int64_t i = 0; i < std::min(kMost, total_steps_) && rows.size() + full <= order.size(); ++i) {
      const auto begin = order.begin() + std::ssize(rows);
      rows.insert(rows.end(), begin, begin + static_cast<std::ptrdiff_t>(full));
      steps.push_back({static_cast<std::int64_t>(full), update_of(i)});
    }
    own.choose_setting(dataset_.train, rows, steps, stop_requested);
  }

  /// Goes on by a step, whose samples it adds.
  void add_step(std::vector<std::int64_t>& rows, std::vector<BlockStep>& steps) {
    if (position_ == 0) begin_epoch();
    const UpdateStep update = update_of(step_ + std::ssize(steps));
    const std::span<const std::int64_t> samples = next_samples();
    rows.insert(rows.end(), samples.begin(), samples.end());
    steps.push_back({std::ssize(samples), update});
  }

  /// Of the epoch that has begun; goes on behind them.
  std::span<const std::int64_t> next_samples() {
    const std::int64_t size = std::min(trial_.batch_size(), dataset_.train.samples - position_);
    const auto samples = std::span<const std::int64_t>(order_).subspan(static_cast<std::size_t>(position_),
                                                                       static_cast<std::size_t>(size));
    position_ = position_ + size == dataset_.train.samples ? 0 : position_ + size;
    return samples;
  }

  [[nodiscard]] UpdateStep update_of(std::int64_t step) const {
    return {.learning_rate = scheduled_learning_rate(trial_.training, step, total_steps_, trial_.batch_size()),
            .number = step + 1};
  }

  /// `counted`: samples, or tokens with a target.
  void record_step(const TimedStep& step, std::int64_t counted, std::int64_t round) {
    const auto& [result, wall_time] = step;
    longest_step_ = std::max(longest_step_, wall_time);
    expect_step(longest_step_);
    record_.steps.train_loss.push_back(result.loss);
    record_.steps.wall_time.push_back(wall_time);
    record_.steps.phase_time.push_back(result.phases);
    record_.steps.round.push_back(round);
    train_time_ += wall_time;
    loss_sum_ += result.loss * static_cast<double>(counted);
    loss_count_ += counted;
    if (!std::isnan(result.gradient.variance)) {
      gradient_sums_.square += result.gradient.square;
      gradient_sums_.variance += result.gradient.variance;
      ++gradient_count_;
    }
    if (!std::isfinite(result.loss)) record_.diverged_at_step = step_;
    ++step_;
  }

  void begin_epoch() {
    order_ = training_order(trial_, dataset_, epoch_++);
    if (trial_.record.order) {
      record_.order.insert(record_.order.end(), order_.begin(), order_.end());
      ++record_.order_epochs;
    }
  }

  /// After `steps` steps.
  [[nodiscard]] bool evaluation_is_due(std::int64_t steps) const {
    const Interval& every = trial_.measure.evaluate_every;
    if (steps == total_steps_ || diverged()) return true;
    if (every.unit == Interval::Unit::steps) return steps % every.count == 0;
    return position_ == 0 && epoch_ % every.count == 0;
  }

  void evaluate() {
    std::int64_t correct = 0, counted = 0;
    double loss = 0;
    const Split& split = dataset_.validation;
    if (evaluation_order_.empty()) {
      evaluation_order_ = epoch_order(split.samples, /*shuffle=*/false, trial_.seed, 0);
    }
    for (std::int64_t begin = 0; begin < split.samples; begin += trial_.batch_size()) {
      if (stop_requested()) return;
      const std::int64_t size = std::min(trial_.batch_size(), split.samples - begin);
      const Batch<Scalar> batch =
          gatherer_.gather(split, std::span<const std::int64_t>(evaluation_order_)
                                      .subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size)));
      const Evaluation evaluation = network_->evaluate(batch);
      loss += evaluation.loss * static_cast<double>(batch.counted);
      correct += evaluation.correct;
      counted += batch.counted;
    }
    const bool has_accuracy = !split.labels.empty() || !split.tokens.empty();
    const auto count = static_cast<double>(counted);
    EpochSeries& epochs = record_.epochs;
    epochs.epoch.push_back(static_cast<double>(step_) / static_cast<double>(steps_per_epoch(trial_, dataset_)));
    epochs.step.push_back(step_);
    epochs.train_loss.push_back(loss_sum_ / static_cast<double>(loss_count_));
    epochs.validation_loss.push_back(loss / count);
    // A loss that is not finite is of outputs that are not: how many are right among the others says nothing.
    const bool is_known = has_accuracy && std::isfinite(loss);
    epochs.validation_accuracy.push_back(is_known ? static_cast<double>(correct) / count : kNotANumber);
    epochs.train_time.push_back(train_time_);
    loss_sum_ = 0;
    loss_count_ = 0;
    if (!trial_.record.gradient_noise) return;
    const auto told = static_cast<double>(gradient_count_);
    epochs.gradient_square.push_back(gradient_sums_.square / told);  // NaN where no step told
    epochs.gradient_variance.push_back(gradient_sums_.variance / told);
    gradient_sums_ = {.square = 0, .variance = 0};
    gradient_count_ = 0;
  }

  const TrialSettings& trial_;
  const Dataset& dataset_;
  ParameterLayout layout_;
  TrialRecord record_;
  BatchGatherer<Scalar> gatherer_;
  std::int64_t total_steps_;
  std::vector<Scalar> initial_;
  std::unique_ptr<Network<Scalar>> network_;
  std::vector<std::int64_t> order_, evaluation_order_;
  std::int64_t step_ = 0;      // steps done
  std::int64_t epoch_ = 0;     // epochs begun
  std::int64_t position_ = 0;  // within the epoch's order; 0 between epochs
  double train_time_ = 0;      // s
  double longest_step_ = 0;    // s
  double gathering_time_ = 0;  // s, of the last step
  double loss_sum_ = 0;        // since the last evaluation, over what the batches count
  std::int64_t loss_count_ = 0;
  GradientMoments gradient_sums_ = {.square = 0, .variance = 0};  // of the steps since then that told them
  std::int64_t gradient_count_ = 0;
  ThreadsSeen threads_;
};

}  // namespace

TrialState TrialRun::save() const { throw Error("this run cannot be saved"); }
void TrialRun::restore(const TrialState& /*state*/) { throw Error("this run cannot be restored"); }

std::unique_ptr<LocalTrialRun> start_trial(const Backend& backend, const TrialSettings& trial, const Dataset& dataset,
                                           TrialRecord record, std::int64_t cores) {
  // A page of memory lies on the node of the thread that first writes to it, and buffers are written to where they are
  // made: on the trial's CPUs. On all of them, as libraries count the CPUs of whoever calls them first.
  const BoundThread near_its_memory(trial.places.cpus);
  if (computes_in_float32(trial.training.precision)) {
    return std::make_unique<TypedTrialRun<float>>(backend, trial, dataset, std::move(record), cores);
  }
  return std::make_unique<TypedTrialRun<double>>(backend, trial, dataset, std::move(record), cores);
}

}  // namespace stepbench
