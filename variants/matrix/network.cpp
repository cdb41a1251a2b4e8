#include "variants/matrix/network.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/lap_clock.hpp"
#include "core/models/parameters.hpp"
#include "variants/matrix/bfloat16_mlp.hpp"
#include "variants/matrix/blocks.hpp"
#include "variants/matrix/hand_out.hpp"
#include "variants/matrix/mlp.hpp"
#include "variants/matrix/transformer.hpp"

namespace stepbench {
namespace {

/// What a graph does.
enum class Pass { evaluate, gradients, update, train };

template <typename Scalar>
std::unique_ptr<MatrixModel<Scalar>> make_model(const NetworkSettings& settings, const Products<Scalar>& products) {
  if constexpr (std::is_same_v<Scalar, float>) {
    if (settings.training.precision == Precision::bfloat16) return std::make_unique<Bfloat16Mlp>(settings, products);
  }
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
        parameters_(parameter_layout(settings.model).size),
        model_(make_model<Scalar>(settings, products)),
        executor_(std::move(executor)),
        cut_(std::move(cut)) {
    tasks_of(Pass::train, settings.max_batch);
  }

  void share_parameters(const MatrixNetwork& other) { model_->share_parameters(*other.model_); }

  std::unique_ptr<ThreadClaim> claim_threads() override { return executor_->claim_threads(); }

  void read(Content content, std::span<Scalar> values) const override { model_->read(content, values); }
  void write(Content content, std::span<const Scalar> values) override { model_->write(content, values); }

  Evaluation evaluate(const Batch<Scalar>& batch) override {
    run(tasks_of(Pass::evaluate, batch.size), &batch);
    return {model_->loss(batch), model_->correct(batch)};
  }

  StepResult compute_gradients(const Batch<Scalar>& batch) override {
    StepResult result;
    result.phases = run(tasks_of(Pass::gradients, batch.size), &batch);
    reduce_loss(batch, result);
    return result;
  }

  [[nodiscard]] bool sums_by_leaves() const override { return model_->sums_by_leaves(); }
  [[nodiscard]] std::vector<std::span<Scalar>> gradient_parts() override {
    std::vector<std::span<Scalar>> parts = model_->gradient_memory();
    for (const ParameterUnit<Scalar>& unit : model_->units()) {
      const std::span<Scalar>& memory = parts[static_cast<std::size_t>(&unit - model_->units().data())];
      if (unit.linear != nullptr && memory.empty()) return {};
    }
    return parts;
  }
  void tell_gradients(std::function<void(std::size_t)> is_there) override { is_there_ = std::move(is_there); }

  void apply_update(const UpdateStep& update) override {
    begin_update(update);
    run(tasks_of(Pass::update, 1), nullptr);
  }

  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    LapClock clock;
    begin_update(update);
    StepResult result;
    const StepTasks<Scalar>& tasks = tasks_of(Pass::train, batch.size);
    result.phases = run(tasks, &batch);
    const double summing = reduce_loss(batch, result);
    if (trace_ != nullptr) *trace_ = trace_of(tasks.graph(), seconds_, summing, clock.lap());
    return result;
  }

  [[nodiscard]] bool fetches_features() const override { return true; }
  bool trace_steps(StepTrace* trace) override {
    if (executor_->shares_within_tasks()) return false;
    trace_ = trace;
    return true;
  }
  HandOutCosts measure_hand_out() override {
    return executor_->shares_within_tasks() ? HandOutCosts{} : stepbench::measure_hand_out(*executor_);
  }

 private:
  using Id = TaskGraph::Id;
  using Blocks = std::vector<ParameterBlock>;  // of a unit

  /// Runs the tasks. The wall time is shared among the phases, and gathering, which is none, in proportion to the time
  /// that the tasks spent in them.
  PhaseTimes run(const StepTasks<Scalar>& tasks, const Batch<Scalar>* batch) {
    const TaskGraph& graph = tasks.graph();
    const StepInputs<Scalar> inputs{batch, rule_ ? &*rule_ : nullptr};
    seconds_.assign(static_cast<std::size_t>(graph.size()), 0);
    LapClock clock;
    executor_->run(graph, [&](Id task) {
      LapClock own;
      tasks.run(task, inputs);
      seconds_[static_cast<std::size_t>(task)] = own.lap();
    });
    const double wall = clock.lap();
    PhaseTimes times;
    for (Id id = 0; id < graph.size(); ++id) {
      if (const auto phase = graph.phase(id)) times[*phase] += seconds_[static_cast<std::size_t>(id)];
    }
    const double total = std::accumulate(seconds_.begin(), seconds_.end(), 0.0);
    for (double& seconds : times.seconds) seconds *= total > 0 ? wall / total : 0;
    return times;
  }

  /// Returns the seconds that it took.
  double reduce_loss(const Batch<Scalar>& batch, StepResult& result) {
    LapClock clock;
    result.loss = model_->loss(batch);
    const double seconds = clock.lap();
    result.phases[Phase::reduce] += seconds;
    return seconds;
  }

  /// The tasks of a pass over a batch of `batch` samples, made when first asked for.
  const StepTasks<Scalar>& tasks_of(Pass pass, std::int64_t batch) {
    std::unique_ptr<StepTasks<Scalar>>& tasks = tasks_[{pass, batch}];
    if (tasks == nullptr) {
      tasks = std::make_unique<StepTasks<Scalar>>(*cut_, model_->units().size());
      add_tasks(*tasks, pass, batch);
      tasks->finish();
    }
    return *tasks;
  }

  void add_tasks(StepTasks<Scalar>& tasks, Pass pass, std::ptrdiff_t batch) {
    const std::vector<Blocks> units = make_blocks(batch * model_->rows_per_sample());
    if (pass == Pass::update) {
      add_update(tasks, units, {});
      return;
    }
    std::vector<Lane<Scalar>> lanes = make_lanes(tasks, batch);
    const bool backward = pass != Pass::evaluate;
    const bool layerwise = pass == Pass::train && training_.update_order == UpdateOrder::layerwise;
    for (Lane<Scalar>& lane : lanes) {  // a lane from end to end, for a thread that takes task after task
      if (backward && model_->reads_features()) add_fetch(lane);
      model_->forward(lane);
      if (!backward) model_->hits(lane);
      if (!backward || layerwise) continue;
      for (std::ptrdiff_t stage = model_->stages() - 1; stage >= 0; --stage) model_->backward(stage, lane);
    }
    if (layerwise) {
      add_layers(tasks, units, lanes);
    } else if (backward) {
      const bool clipped = pass == Pass::train && training_.gradient_clip;
      const bool update = pass == Pass::train && !clipped;
      std::vector<Id> done;
      for (std::size_t u = 0; u < units.size(); ++u) {
        const std::size_t before = done.size();
        add_gradients(tasks, units[u], tasks.join(tasks.released(u)), update, clipped, done);
        if (pass == Pass::gradients) add_telling(tasks, u, std::span(done).subspan(before));
      }
      if (pass == Pass::gradients) add_telling(tasks, units.size(), done);
      if (clipped) add_update(tasks, units, done);
    }
  }

  void add_fetch(Lane<Scalar>& lane) {
    constexpr std::ptrdiff_t kLeastRows = 8;
    lane.fine_rows(std::nullopt, "gathering", kLeastRows, [](const StepInputs<Scalar>& inputs, Range rows) {
      if (inputs.batch->pending != nullptr) inputs.batch->pending->fetch(rows.begin, rows.end);
    });
  }

  /// From the last layer down: its blocks, when all lanes are where its output gradient is, then the lanes further.
  void add_layers(StepTasks<Scalar>& tasks, const std::vector<Blocks>& units, std::vector<Lane<Scalar>>& lanes) {
    for (std::ptrdiff_t layer = model_->stages() - 1; layer >= 0; --layer) {
      std::vector<Id> here, done;
      for (Lane<Scalar>& lane : lanes) here.push_back(lane.here());
      add_gradients(tasks, units[static_cast<std::size_t>(layer)], tasks.join(here), true, false, done);
      if (layer == 0) break;
      const Id updated = tasks.join(done);
      for (Lane<Scalar>& lane : lanes) {
        lane.wait_for(updated);
        model_->backward(layer, lane);
      }
    }
  }

  /// Tasks that form the gradient of each block of a unit after `ready`, then `update` it or sum its `squares`.
  /// What comes last is added to `done`.
  void add_gradients(StepTasks<Scalar>& tasks, const Blocks& blocks, Id ready, bool update, bool squares,
                     std::vector<Id>& done) {
    for (const ParameterBlock& block : blocks) {
      const bool in_one = update && model_->trains_in_one(block.unit);
      Id last = tasks.add(Phase::backward, "dW of " + name_of(block), std::array{ready},
                          [this, block, in_one](const StepInputs<Scalar>& inputs) {
                            if (in_one) {
                              model_->train(*inputs.batch, block.unit, block.rows, block.columns, *inputs.rule);
                            } else {
                              model_->form_gradient(*inputs.batch, block.unit, block.rows, block.columns);
                            }
                          });
      // While the gradient is in the cache.
      if (update && !in_one) last = add_block_update(tasks, block, std::array{last});
      if (squares) last = add_block_squares(tasks, block, std::array{last});
      done.push_back(last);
    }
  }

  /// Says of a part of the gradients that it is there, once these are through.
  void add_telling(StepTasks<Scalar>& tasks, std::size_t part, std::span<const Id> after) {
    tasks.add(Phase::reduce, "handing over of gradients", std::array{tasks.join(after)},
              [this, part](const StepInputs<Scalar>&) {
                if (is_there_) is_there_(part);
              });
  }

  Id add_block_update(StepTasks<Scalar>& tasks, const ParameterBlock& block, std::span<const Id> after) {
    return tasks.add(Phase::update, "update of " + name_of(block), after,
                     [this, block](const StepInputs<Scalar>& inputs) {
                       model_->update(block.unit, block.rows, block.columns, *inputs.rule);
                     });
  }

  Id add_block_squares(StepTasks<Scalar>& tasks, const ParameterBlock& block, std::span<const Id> after) {
    return tasks.add(Phase::reduce, "norm of the gradients", after, [this, block](const StepInputs<Scalar>&) {
      for_leaves(block, [&](std::size_t leaf, Range rows, Range columns) {
        squares_[leaf] = model_->gradient_sum_of_squares(block.unit, rows, columns);
      });
    });
  }

  /// The update by gradients that are there after `ready`, of which the sums of squares are, too, if `ready` is not
  /// empty.
  void add_update(StepTasks<Scalar>& tasks, const std::vector<Blocks>& units, std::vector<Id> ready) {
    if (training_.gradient_clip) {
      if (ready.empty()) {
        for (const Blocks& blocks : units) {
          for (const ParameterBlock& block : blocks) ready.push_back(add_block_squares(tasks, block, {}));
        }
      }
      ready = {tasks.add(Phase::reduce, "norm of the gradients", ready,
                         [this](const StepInputs<Scalar>&) { begin_update(update_, clipping_factor()); })};
    }
    for (const Blocks& blocks : units) {
      for (const ParameterBlock& block : blocks) add_block_update(tasks, block, ready);
    }
  }

  std::vector<Lane<Scalar>> make_lanes(StepTasks<Scalar>& tasks, std::ptrdiff_t batch) const {
    const std::ptrdiff_t rows = model_->rows_per_sample(), shard = cut_->shard_rows(batch * rows);
    const std::vector<Range> samples = ranges_of(batch, std::max<std::ptrdiff_t>(1, shard / rows));
    const std::ptrdiff_t chunks = shard < rows ? (rows + shard - 1) / shard : 1;
    std::vector<Lane<Scalar>> lanes;
    for (const Range some : samples) lanes.emplace_back(tasks, some, rows, chunks, std::ssize(samples));
    return lanes;
  }

  /// The parameters in blocks, for a batch of so many rows.
  std::vector<Blocks> make_blocks(std::ptrdiff_t rows) {
    std::vector<Blocks> units;
    std::ptrdiff_t leaves = 0;
    for (const ParameterUnit<Scalar>& unit : model_->units()) {
      const LeafGrid grid{leaves, unit.rows, unit.columns};
      units.push_back(blocks_of(units.size(), grid, cut_->block(unit.rows, unit.columns, parameters_, rows)));
      leaves = grid.end();
    }
    squares_.resize(static_cast<std::size_t>(leaves));
    return units;
  }

  [[nodiscard]] const std::string& name_of(const ParameterBlock& block) const {
    return model_->units()[block.unit].name;
  }

  void begin_update(const UpdateStep& update, double gradient_scale = 1) {
    update_ = update;
    rule_.emplace(training_, update.learning_rate, update.number, gradient_scale);
  }

  /// torch.nn.utils.clip_grad_norm_'s factor, from the leaves' sums of squares in their order.
  [[nodiscard]] double clipping_factor() const {
    constexpr double kGuard = 1e-6;  // PyTorch's, against a zero norm
    const double norm = std::sqrt(std::accumulate(squares_.begin(), squares_.end(), 0.0));
    return std::min(1.0, *training_.gradient_clip / (norm + kGuard));
  }

  TrainingSettings training_;
  std::ptrdiff_t parameters_;
  std::unique_ptr<MatrixModel<Scalar>> model_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<const Cut> cut_;
  std::map<std::pair<Pass, std::int64_t>, std::unique_ptr<StepTasks<Scalar>>> tasks_;  // by batch size
  UpdateStep update_;                                                                  // of the step
  std::optional<OptimizerStep<Scalar>> rule_;  // the same worked out, with the clipping factor once that is known
  std::vector<double> squares_;                // per leaf: its gradients' sum of squares
  std::vector<double> seconds_;                // per node of the graph that ran last
  StepTrace* trace_ = nullptr;
  std::function<void(std::size_t)> is_there_;  // a part of the gradients
};

}  // namespace

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_matrix_network(const NetworkSettings& settings,
                                                     std::unique_ptr<Executor> executor, std::unique_ptr<const Cut> cut,
                                                     const Products<Scalar>& products) {
  return std::make_unique<MatrixNetwork<Scalar>>(settings, std::move(executor), std::move(cut), products);
}

template <typename Scalar>
std::vector<std::unique_ptr<Network<Scalar>>> make_sharing_networks(
    const NetworkSettings& settings, std::int64_t count, std::unique_ptr<const Cut> (*cut)(const NetworkSettings&),
    const Products<Scalar>& products) {
  std::vector<std::unique_ptr<Network<Scalar>>> networks;
  const MatrixNetwork<Scalar>* first = nullptr;
  while (std::ssize(networks) < count) {
    auto network =
        std::make_unique<MatrixNetwork<Scalar>>(settings, std::make_unique<SerialExecutor>(), cut(settings), products);
    if (first == nullptr) first = network.get();
    if (network.get() != first) network->share_parameters(*first);
    networks.push_back(std::move(network));
  }
  return networks;
}

template std::vector<std::unique_ptr<Network<float>>> make_sharing_networks<float>(
    const NetworkSettings&, std::int64_t, std::unique_ptr<const Cut> (*)(const NetworkSettings&),
    const Products<float>&);
template std::vector<std::unique_ptr<Network<double>>> make_sharing_networks<double>(
    const NetworkSettings&, std::int64_t, std::unique_ptr<const Cut> (*)(const NetworkSettings&),
    const Products<double>&);
template std::unique_ptr<Network<float>> make_matrix_network<float>(const NetworkSettings&, std::unique_ptr<Executor>,
                                                                    std::unique_ptr<const Cut>, const Products<float>&);
template std::unique_ptr<Network<double>> make_matrix_network<double>(const NetworkSettings&, std::unique_ptr<Executor>,
                                                                      std::unique_ptr<const Cut>,
                                                                      const Products<double>&);

}  // namespace stepbench
