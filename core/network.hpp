// The one interface between the experiment runner and the backends. The seam is the training step: per-neuron objects
// and batch-parallel shards share no finer unit, and one virtual call per step costs nothing.
//
// Not here: data loading (data/), the learning-rate schedule and the order of samples (the runner's), which backends
// there are (variants/registry.hpp).
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.hpp"
#include "core/gradient_noise.hpp"
#include "core/settings.hpp"
#include "core/step_trace.hpp"

namespace stepbench {

struct Split;  // core/data/dataset.hpp

/// The parts of a training step, in the order of PhaseTimes. `reduce` is the joining of partial results of shards.
inline constexpr std::array<std::string_view, 5> kPhaseNames = {"forward", "loss", "backward", "reduce", "update"};
enum class Phase : std::size_t { forward, loss, backward, reduce, update };

/// Wall seconds per phase of one step. Phases of shards that run side by side share the wall time of their region in
/// proportion to the time they took. Where a backend updates inside its backward pass, that counts as backward.
struct PhaseTimes {
  std::array<double, kPhaseNames.size()> seconds{};
  double& operator[](Phase phase) { return seconds[static_cast<std::size_t>(phase)]; }
  double operator[](Phase phase) const { return seconds[static_cast<std::size_t>(phase)]; }
};

struct StepResult {
  double loss = 0;  // the recorded value (enum Loss in core/settings.hpp) on the batch, before the update
  PhaseTimes phases;
  GradientMoments gradient = {};  // with NetworkSettings::gradient_noise
};

struct Evaluation {
  double loss = 0;           // mean over what the batch counts, the recorded value
  std::int64_t correct = 0;  // samples (tokens) with largest_is_at their label; 0 for a batch without labels
};

/// What one update needs besides the optimiser's own settings, which the network was made with.
struct UpdateStep {
  double learning_rate = 0;  // already scheduled
  std::int64_t number = 1;   // counts from 1; the t of Adam's bias correction
};

/// All that a backend is told when it makes a network.
struct NetworkSettings {
  ModelSettings model;
  TrainingSettings training;
  std::int64_t max_batch = 1;      // samples; no later batch is larger
  std::int64_t threads = 1;        // of each rank
  RankSettings ranks = {};         // count 0 within a rank
  bool independent_ranks = false;  // each trains a network of its own on every batch (ScalingKind::throughput)
  /// Cores that a step is to be cut for, by a backend whose cut may follow them; 0: as many as threads. What would run
  /// on 64 cores can so be had, and timed, on one.
  std::int64_t cores = 0;
  /// The CPU that each thread is to be held on while the network is claimed, the calling one first, rank by rank; none:
  /// they run where the system puts them.
  std::vector<int> cpus = {};
  KeyValues own = {};           // of the backend's own settings those that are set, by name: `shard_rows`
  std::uint64_t seed = 1;       // of what a network draws by itself: stochastic rounding
  bool gradient_noise = false;  // a step of micro-batches tells the moments of its gradients
};

/// Process-wide library settings (thread counts) and the CPUs of threads, held by one network; gives them back when it
/// dies.
class ThreadClaim {
 public:
  ThreadClaim() = default;
  ThreadClaim(const ThreadClaim&) = delete;
  ThreadClaim& operator=(const ThreadClaim&) = delete;
  virtual ~ThreadClaim() = default;

  /// Why a thread was not held where NetworkSettings::cpus says, so far; empty: all were, or none was to be.
  [[nodiscard]] virtual std::string pin_problem() const { return ""; }
};

/// What of a network can be read and written. `first_moment` is momentum's velocity or Adam's m, `second_moment` Adam's
/// v; `compensation` and `master_weights` are those of bfloat16 (enum Precision in core/settings.hpp).
enum class Content { parameters, gradients, first_moment, second_moment, compensation, master_weights };

/// A step of a block that a network trains by itself.
struct BlockStep {
  std::int64_t samples = 0;
  UpdateStep update;
};
struct TimedStep {
  StepResult result;     // phases are NaN where nobody tells them
  double wall_time = 0;  // s, the gathering of the batch included
};

/// What lies between ranks: of a ping-pong between the first and the last of them, before they train.
struct RankLink {
  double latency = 0;      // s that a message without much in it is on its way
  double bandwidth = 0;    // bytes per s, of large ones
  std::int64_t parts = 1;  // that the gradients travel in
};

/// A network that trains a block of steps by itself: because they are not one after the other (variants/hogwild), or
/// because it lives elsewhere.
class BlockTrainer {
 public:
  BlockTrainer() = default;
  BlockTrainer(const BlockTrainer&) = delete;
  BlockTrainer& operator=(const BlockTrainer&) = delete;
  virtual ~BlockTrainer() = default;

  /// Trains on `rows` of the split, the first step on the first of them, and so on. Fewer steps come back where a loss
  /// was not finite, and soon after stop() says so. `train` is the same one each time, and stays.
  virtual std::vector<TimedStep> train_block(const Split& train, std::span<const std::int64_t> rows,
                                             std::span<const BlockStep> steps, bool (*stop)()) = 0;
};

/// A network that lives in a process of its own: asked for each step by itself, they would have the way there and back
/// in their times. Throws Error, as every method of such a network, when the process is gone, says nothing for too
/// long, or says what it cannot mean.
class OwnProcess : public BlockTrainer {
 public:
  /// Trains a little of this in each of the ways that its library can be set up, to be in the best of them from now on.
  /// Then its parameters are to be written. What came of it for one network holds for later ones of the same kind.
  virtual void choose_setting(const Split& train, std::span<const std::int64_t> rows, std::span<const BlockStep> steps,
                              bool (*stop)()) = 0;

  /// Those on this machine that compute.
  [[nodiscard]] virtual std::vector<pid_t> processes() const = 0;
  /// What it computes with and how it was set up, in words: `PyTorch 2.13.0`, `OMP_WAIT_POLICY=active`, and the time of
  /// a step in each way.
  struct Description {
    std::string library, setting, settings_tried;
    std::optional<RankLink> link = {};
  };
  [[nodiscard]] virtual Description describe() const = 0;
};

/// A network that can be trained: parameters, gradients and optimiser state. All calls block. Buffers are flat, in the
/// canonical order of core/models/parameters.hpp, and exactly ParameterLayout::size long.
/// Shapes were checked when the network was made; a batch of another shape is a programming error.
template <typename Scalar>
class Network {
 public:
  virtual ~Network() = default;

  /// Claims the process-wide settings that this network computes with. One claim may live at a time; every method that
  /// computes is called under this network's claim. Takes microseconds: keep it out of timed regions. Throws
  /// SupplyError (core/supply.hpp) where its library could not have its threads or memory.
  [[nodiscard]] virtual std::unique_ptr<ThreadClaim> claim_threads() = 0;

  /// Copies out. Gradients are those of the last compute_gradients, and unspecified after train_step, which need not
  /// form them. A moment, or what else it can do without, that the network does not keep reads as zeros.
  virtual void read(Content content, std::span<Scalar> values) const = 0;
  /// Copies in, rounded where they are stored so. Parameters are a fresh start: moments and compensation become zero
  /// and master weights what was written, so that what continues a training writes those after them. Written gradients
  /// are what apply_update applies. What the network does not keep is ignored. In a process of its own a network has
  /// its gradients and moments for itself: they are not read, and not written.
  virtual void write(Content content, std::span<const Scalar> values) = 0;

  /// Loss and hits of the batch; changes nothing that training sees.
  virtual Evaluation evaluate(const Batch<Scalar>& batch) = 0;

  /// Loss and the gradients of the optimised objective (enum Loss in core/settings.hpp), all with the parameters as
  /// they are.
  virtual StepResult compute_gradients(const Batch<Scalar>& batch) = 0;
  /// Whether that follows Batch::leaf.
  [[nodiscard]] virtual bool sums_by_leaves() const { return false; }
  /// The gradients as they lie in memory, in parts: what is written there is what apply_update takes. One backend of
  /// one build has the same parts for the same settings. Empty where only read and write reach them.
  [[nodiscard]] virtual std::vector<std::span<Scalar>> gradient_parts() { return {}; }
  /// From now on compute_gradients says of each of those parts when it is there, on whichever of its threads brought
  /// it; null ends it. Of a network without parts: nothing.
  virtual void tell_gradients(std::function<void(std::size_t part)> /*is_there*/) {}
  /// One optimiser step with the gradients as they are (textbook order, clipped as the settings say).
  virtual void apply_update(const UpdateStep& update) = 0;

  /// Whether train_step and compute_gradients take a batch whose features are still to be fetched (Batch::pending), so
  /// that those who compute with a row can fetch it. Otherwise a batch is gathered before, on the calling thread.
  [[nodiscard]] virtual bool fetches_features() const { return false; }
  /// One whole training step in the settings' update order; a backend may fuse its parts.
  virtual StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) = 0;

  /// The network's own process; null where it lives in this one.
  [[nodiscard]] virtual OwnProcess* own_process() { return nullptr; }
  /// Who is to be asked for blocks of steps instead of train_step; null where there is nobody.
  [[nodiscard]] virtual BlockTrainer* block_trainer() { return own_process(); }

  /// From now on each train_step says in `trace`, which outlives them, what its tasks were and took; null ends it.
  /// False, and nothing is written, where the network has no tasks of its own: a library shares its work out, or
  /// nobody does.
  virtual bool trace_steps(StepTrace* /*trace*/) { return false; }
  /// What it costs to hand out tasks on the threads that the network has, measured now; zeros where it has no tasks.
  [[nodiscard]] virtual HandOutCosts measure_hand_out() { return {}; }
};

}  // namespace stepbench
