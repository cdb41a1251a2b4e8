#include "variants/hogwild/hogwild.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <deque>
#include <exception>
#include <mutex>
#include <utility>

#include "core/data/gather.hpp"
#include "variants/matrix/network.hpp"
#include "variants/products/direct_network.hpp"
#include "variants/threads/threads.hpp"

namespace stepbench {
namespace {

/// What a batch is gathered for.
Dataset shape_of(const ModelSettings& model) {
  Dataset shape;
  if (model.kind == ModelKind::transformer) {
    shape.features = shape.context = model.context;
    shape.outputs = model.vocabulary_size;
  } else {
    shape.features = model.layers.front();
    shape.outputs = model.layers.back();
  }
  return shape;
}

template <typename Scalar>
class HogwildNetwork final : public Network<Scalar>, private BlockTrainer {
 public:
  explicit HogwildNetwork(const NetworkSettings& settings)
      : executor_(make_thread_pool_executor(static_cast<int>(settings.threads), settings.cpus)) {
    NetworkSettings single = settings;
    single.threads = 1;
    single.cpus.clear();
    const Dataset shape = shape_of(settings.model);
    networks_ = make_sharing_direct_networks<Scalar>(single, settings.threads);
    for (std::int64_t t = 0; t < settings.threads; ++t) {
      gatherers_.emplace_back(shape, settings.max_batch, settings.model.loss == Loss::squared_error);
    }
    for (std::int64_t t = 0; t < settings.threads; ++t) threads_.add_task(std::nullopt, "thread", {});
    threads_.finish();
  }

  std::unique_ptr<ThreadClaim> claim_threads() override { return executor_->claim_threads(); }
  void read(Content content, std::span<Scalar> values) const override { first().read(content, values); }
  void write(Content content, std::span<const Scalar> values) override { first().write(content, values); }
  Evaluation evaluate(const Batch<Scalar>& batch) override { return first().evaluate(batch); }
  StepResult compute_gradients(const Batch<Scalar>& batch) override { return first().compute_gradients(batch); }
  void apply_update(const UpdateStep& update) override { first().apply_update(update); }
  [[nodiscard]] bool fetches_features() const override { return first().fetches_features(); }
  /// Of a batch by itself: on one thread, as there is no other step to be taken beside it.
  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    return first().train_step(batch, update);
  }
  [[nodiscard]] BlockTrainer* block_trainer() override { return this; }

 private:
  [[nodiscard]] Network<Scalar>& first() const { return *networks_.front(); }

  std::vector<TimedStep> train_block(const Split& train, std::span<const std::int64_t> rows,
                                     std::span<const BlockStep> steps, bool (*stop)()) override {
    std::vector<std::int64_t> begins;  // of each step's rows
    std::int64_t begin = 0;
    for (const BlockStep& step : steps) begins.push_back(std::exchange(begin, begin + step.samples));

    std::vector<TimedStep> results(steps.size());
    std::vector<double> done(steps.size());
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> ends = false;
    std::exception_ptr failure;
    std::mutex failure_mutex;
    const auto start = std::chrono::steady_clock::now();
    executor_->run(threads_, [&](TaskGraph::Id thread) {
      Network<Scalar>& network = *networks_[static_cast<std::size_t>(thread)];
      BatchGatherer<Scalar>& gatherer = gatherers_[static_cast<std::size_t>(thread)];
      try {
        while (!ends.load(std::memory_order_relaxed)) {
          const std::size_t step = next.fetch_add(1, std::memory_order_relaxed);
          if (step >= steps.size()) break;
          const auto samples =
              rows.subspan(static_cast<std::size_t>(begins[step]), static_cast<std::size_t>(steps[step].samples));
          const Batch<Scalar> batch = gatherer.begin_gather(train, samples);
          results[step].result = network.train_step(batch, steps[step].update);
          done[step] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
          if (!std::isfinite(results[step].result.loss) || (stop != nullptr && stop())) ends = true;
        }
      } catch (...) {
        const std::scoped_lock lock(failure_mutex);
        failure = std::current_exception();
        ends = true;
      }
    });
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (failure) std::rethrow_exception(failure);

    // All that were begun are through, and they are the first ones.
    results.resize(std::min(next.load(), steps.size()));
    done.resize(results.size());
    const std::vector<double> times = overlapping_step_times(done, std::ssize(networks_), wall);
    for (std::size_t i = 0; i < results.size(); ++i) {
      results[i].wall_time = times[i];
      for (double& seconds : results[i].result.phases.seconds) seconds /= static_cast<double>(networks_.size());
    }
    const auto diverged =
        std::ranges::find_if(results, [](const TimedStep& step) { return !std::isfinite(step.result.loss); });
    if (diverged != results.end()) results.erase(diverged + 1, results.end());
    return results;
  }

  std::unique_ptr<Executor> executor_;
  std::vector<std::unique_ptr<Network<Scalar>>> networks_;  // one of each thread, on the same parameters
  std::deque<BatchGatherer<Scalar>> gatherers_;             // and the memory of its batch
  TaskGraph threads_;                                       // and its task
};

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make(const NetworkSettings& settings) {
  return std::make_unique<HogwildNetwork<Scalar>>(settings);
}

std::string unsupported(const NetworkSettings& settings) {
  if (settings.training.optimizer != Optimizer::sgd) {
    return "updates without locks as plain SGD: no other training.optimizer is supported";
  }
  if (settings.training.micro_batch) return "each thread has a batch of its own: training.micro_batch is not supported";
  return "";
}

std::vector<LibraryFact> facts() { return {kernel_fact()}; }

}  // namespace

std::vector<double> overlapping_step_times(std::vector<double> done, std::int64_t threads, double wall) {
  std::ranges::sort(done);
  std::vector<double> times;
  for (std::int64_t begin = 0; begin < std::ssize(done); begin += threads) {
    const std::int64_t end = std::min(begin + threads, std::ssize(done));
    const double before = begin == 0 ? 0 : done[static_cast<std::size_t>(begin - 1)];
    const double after = end == std::ssize(done) ? wall : done[static_cast<std::size_t>(end - 1)];
    times.resize(static_cast<std::size_t>(end), (after - before) / static_cast<double>(end - begin));
  }
  return times;
}

Backend hogwild_backend() {
  return {.name = "hogwild",
          .summary = "asynchronous SGD: each thread trains on a batch of its own, on shared parameters without locks",
          .max_threads = kAnyThreads,
          .same_bits_for_any_threads = false,
          .make_float32 = make<float>,
          .make_float64 = make<double>,
          .unsupported = unsupported,
          .libraries = facts,
          .own_settings = direct_network_settings(),
          .copies_weights = true,
          .network_per_thread = true};
}

}  // namespace stepbench
