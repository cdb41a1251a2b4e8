#include "variants/matrix/network.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "core/buffer.hpp"
#include "core/lap_clock.hpp"
#include "variants/matrix/mlp.hpp"
#include "variants/matrix/transformer.hpp"

namespace stepbench {
namespace {

/// The seconds that one task spent in each phase; on a cache line of its own, since tasks run side by side.
struct alignas(kCacheLine) TaskTimes {
  PhaseTimes times;
};

/// Adds each lap to a phase of a task.
class PhaseClock {
 public:
  explicit PhaseClock(PhaseTimes& times) : times_(times) {}
  void lap(Phase phase) { times_[phase] += clock_.lap(); }

 private:
  PhaseTimes& times_;
  LapClock clock_;
};

std::ptrdiff_t ceil_divide(std::ptrdiff_t value, std::ptrdiff_t divisor) { return (value + divisor - 1) / divisor; }

/// Rows of a unit of parameters: what one task forms the gradients of and updates.
struct Block {
  std::size_t unit;
  Range rows;
};

template <typename Scalar>
std::unique_ptr<MatrixModel<Scalar>> make_model(const NetworkSettings& settings, const Products<Scalar>& products) {
  if (settings.model.kind == ModelKind::transformer)
    return std::make_unique<MatrixTransformer<Scalar>>(settings, products);
  return std::make_unique<MatrixMlp<Scalar>>(settings, products);
}

template <typename Scalar>
class MatrixNetwork final : public Network<Scalar> {
 public:
  MatrixNetwork(const NetworkSettings& settings, std::unique_ptr<Executor> executor, std::unique_ptr<const Cut> cut,
                const Products<Scalar>& products)
      : training_(settings.training),
        model_(make_model<Scalar>(settings, products)),
        executor_(std::move(executor)),
        cut_(std::move(cut)) {
    first_block_.assign(static_cast<std::size_t>(model_->stages()) + 1, 0);
    for (std::size_t u = 0; u < model_->units().size(); ++u) {
      const ParameterUnit& unit = model_->units()[u];
      const std::ptrdiff_t size = cut_->block_rows(unit.rows, unit.columns);
      for (std::ptrdiff_t begin = 0; begin < unit.rows; begin += size) {
        blocks_.push_back({u, {begin, std::min(begin + size, unit.rows)}});
      }
      first_block_[static_cast<std::size_t>(unit.stage) + 1] = std::ssize(blocks_);
    }
    // A shorter batch may be cut finer than the longest, but never into more shards than it has samples.
    task_times_.resize(std::max(blocks_.size(), static_cast<std::size_t>(settings.max_batch)));
    squares_.resize(blocks_.size());
  }

  std::unique_ptr<ThreadClaim> claim_threads() override { return executor_->claim_threads(); }

  void read(Content content, std::span<Scalar> values) const override { model_->read(content, values); }
  void write(Content content, std::span<const Scalar> values) override { model_->write(content, values); }

  Evaluation evaluate(const Batch<Scalar>& batch) override {
    PhaseTimes times;
    for_shards(batch, times, [&](Range samples, PhaseClock&) {
      model_->forward(batch, samples);
      model_->loss(batch, samples);
      model_->hits(batch, samples);
    });
    return {model_->loss(batch), model_->correct(batch)};
  }

  StepResult compute_gradients(const Batch<Scalar>& batch) override {
    StepResult result;
    forward_and_backward(batch, result.phases);
    for_blocks(0, std::ssize(blocks_), result.phases, [&](const Block& block, std::ptrdiff_t, PhaseClock& clock) {
      model_->weight_gradient(batch, block.unit, block.rows);
      clock.lap(Phase::backward);
    });
    reduce_loss(batch, result);
    return result;
  }

  void apply_update(const UpdateStep& update) override {
    PhaseTimes times;
    for_blocks(0, std::ssize(blocks_), times, [&](const Block& block, std::ptrdiff_t number, PhaseClock&) {
      squares_[static_cast<std::size_t>(number)] = model_->gradient_sum_of_squares(block.unit, block.rows);
    });
    const OptimizerStep<Scalar> rule(training_, update.learning_rate, update.number, clipping_factor());
    for_blocks(0, std::ssize(blocks_), times,
               [&](const Block& block, std::ptrdiff_t, PhaseClock&) { model_->update(block.unit, block.rows, rule); });
  }

  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    StepResult result;
    if (training_.update_order == UpdateOrder::layerwise) {
      step_layerwise(batch, update, result.phases);
    } else if (training_.gradient_clip) {
      step_clipped(batch, update, result.phases);
    } else {
      forward_and_backward(batch, result.phases);
      update_blocks(0, std::ssize(blocks_), batch, update, result.phases);
    }
    reduce_loss(batch, result);
    return result;
  }

 private:
  /// Runs `work(samples, clock)` for every shard of the batch.
  template <typename Work>
  void for_shards(const Batch<Scalar>& batch, PhaseTimes& times, const Work& work) {
    const std::ptrdiff_t size = cut_->shard_samples(batch.size, model_->rows_per_sample());
    run_region(ceil_divide(batch.size, size), times, [&](std::ptrdiff_t task, PhaseClock& clock) {
      work(Range{task * size, std::min<std::ptrdiff_t>((task + 1) * size, batch.size)}, clock);
    });
  }

  /// Runs `work(block, number, clock)` for blocks begin .. end-1.
  template <typename Work>
  void for_blocks(std::ptrdiff_t begin, std::ptrdiff_t end, PhaseTimes& times, const Work& work) {
    run_region(end - begin, times, [&](std::ptrdiff_t task, PhaseClock& clock) {
      work(blocks_[static_cast<std::size_t>(begin + task)], begin + task, clock);
    });
  }

  /// One region. Its wall time is shared among the phases in proportion to the time that the tasks spent in them.
  template <typename Work>
  void run_region(std::ptrdiff_t tasks, PhaseTimes& times, const Work& work) {
    LapClock clock;
    executor_->run(tasks, [&](std::ptrdiff_t task) {
      PhaseTimes& own = task_times_[static_cast<std::size_t>(task)].times;
      own = {};
      PhaseClock task_clock(own);
      work(task, task_clock);
    });
    const double wall = clock.lap();
    PhaseTimes sum;
    double total = 0;
    for (std::ptrdiff_t task = 0; task < tasks; ++task) {
      for (std::size_t p = 0; p < sum.seconds.size(); ++p) {
        const double spent = task_times_[static_cast<std::size_t>(task)].times.seconds[p];
        sum.seconds[p] += spent;
        total += spent;
      }
    }
    if (total <= 0) return;
    for (std::size_t p = 0; p < sum.seconds.size(); ++p) times.seconds[p] += wall * sum.seconds[p] / total;
  }

  void forward_and_loss(const Batch<Scalar>& batch, Range samples, PhaseClock& clock) {
    model_->forward(batch, samples);
    clock.lap(Phase::forward);
    model_->loss(batch, samples);
    clock.lap(Phase::loss);
  }

  void forward_and_backward(const Batch<Scalar>& batch, PhaseTimes& times) {
    for_shards(batch, times, [&](Range samples, PhaseClock& clock) {
      forward_and_loss(batch, samples, clock);
      for (std::ptrdiff_t s = model_->stages() - 1; s >= 0; --s) model_->backward(s, batch, samples);
      clock.lap(Phase::backward);
    });
  }

  void update_blocks(std::ptrdiff_t begin, std::ptrdiff_t end, const Batch<Scalar>& batch, const UpdateStep& update,
                     PhaseTimes& times) {
    const OptimizerStep<Scalar> rule(training_, update.learning_rate, update.number, 1);
    for_blocks(begin, end, times, [&](const Block& block, std::ptrdiff_t, PhaseClock& clock) {
      if (training_.optimizer == Optimizer::sgd) {
        model_->fused_sgd(batch, block.unit, block.rows, rule);
        clock.lap(Phase::backward);
      } else {
        model_->weight_gradient(batch, block.unit, block.rows);
        clock.lap(Phase::backward);
        model_->update(block.unit, block.rows, rule);  // while the block's gradient is in the cache
        clock.lap(Phase::update);
      }
    });
  }

  void step_layerwise(const Batch<Scalar>& batch, const UpdateStep& update, PhaseTimes& times) {
    for_shards(batch, times, [&](Range samples, PhaseClock& clock) { forward_and_loss(batch, samples, clock); });
    for (std::ptrdiff_t s = model_->stages() - 1; s >= 0; --s) {
      const auto stage = static_cast<std::size_t>(s);
      update_blocks(first_block_[stage], first_block_[stage + 1], batch, update, times);
      if (s == 0) break;
      for_shards(batch, times, [&](Range samples, PhaseClock& clock) {
        model_->backward(s, batch, samples);
        clock.lap(Phase::backward);
      });
    }
  }

  void step_clipped(const Batch<Scalar>& batch, const UpdateStep& update, PhaseTimes& times) {
    forward_and_backward(batch, times);
    for_blocks(0, std::ssize(blocks_), times, [&](const Block& block, std::ptrdiff_t number, PhaseClock& clock) {
      model_->weight_gradient(batch, block.unit, block.rows);
      clock.lap(Phase::backward);
      squares_[static_cast<std::size_t>(number)] = model_->gradient_sum_of_squares(block.unit, block.rows);
      clock.lap(Phase::reduce);
    });
    const OptimizerStep<Scalar> rule(training_, update.learning_rate, update.number, clipping_factor());
    for_blocks(0, std::ssize(blocks_), times, [&](const Block& block, std::ptrdiff_t, PhaseClock& clock) {
      model_->update(block.unit, block.rows, rule);
      clock.lap(Phase::update);
    });
  }

  /// torch.nn.utils.clip_grad_norm_'s factor, from the blocks' sums of squares in block order.
  [[nodiscard]] double clipping_factor() const {
    if (!training_.gradient_clip) return 1;
    constexpr double kGuard = 1e-6;  // PyTorch's, against a zero norm
    const double norm = std::sqrt(std::accumulate(squares_.begin(), squares_.end(), 0.0));
    return std::min(1.0, *training_.gradient_clip / (norm + kGuard));
  }

  void reduce_loss(const Batch<Scalar>& batch, StepResult& result) {
    PhaseClock clock(result.phases);
    result.loss = model_->loss(batch);
    clock.lap(Phase::reduce);
  }

  TrainingSettings training_;
  std::unique_ptr<MatrixModel<Scalar>> model_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<const Cut> cut_;
  std::vector<Block> blocks_;                // unit by unit, from the first stage to the last
  std::vector<std::ptrdiff_t> first_block_;  // of each stage, and one past the end
  std::vector<TaskTimes> task_times_;
  std::vector<double> squares_;  // per block: its gradients' sum of squares
};

}  // namespace

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_matrix_network(const NetworkSettings& settings,
                                                     std::unique_ptr<Executor> executor, std::unique_ptr<const Cut> cut,
                                                     const Products<Scalar>& products) {
  return std::make_unique<MatrixNetwork<Scalar>>(settings, std::move(executor), std::move(cut), products);
}

template std::unique_ptr<Network<float>> make_matrix_network<float>(const NetworkSettings&, std::unique_ptr<Executor>,
                                                                    std::unique_ptr<const Cut>, const Products<float>&);
template std::unique_ptr<Network<double>> make_matrix_network<double>(const NetworkSettings&, std::unique_ptr<Executor>,
                                                                      std::unique_ptr<const Cut>,
                                                                      const Products<double>&);

}  // namespace stepbench
