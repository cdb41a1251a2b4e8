// Asynchronous SGD: what one thread computes is tbb's to the last bit, several train the same parameters, each step is
// taken once, and a block ends where it is to. That its gradients are right is tested with all backends'
// (tests/variants).
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

#include "core/data/dataset.hpp"
#include "core/data/gather.hpp"
#include "core/models/parameters.hpp"
#include "core/random.hpp"
#include "variants/hogwild/hogwild.hpp"
#include "variants/products/direct_network.hpp"
#include "variants/threads/threads.hpp"

namespace stepbench::testing {
namespace {

constexpr std::int64_t kSamples = 96, kBatch = 8;

/// Two clouds, that a line through the origin keeps apart.
Split clouds() {
  Split split;
  split.samples = kSamples;
  RandomStream stream(1, Purpose::generated_data);
  std::vector<float> features;
  for (std::int64_t i = 0; i < kSamples; ++i) {
    const auto label = static_cast<std::int32_t>(i % 2);
    split.labels.push_back(label);
    for (int f = 0; f < 6; ++f) features.push_back(static_cast<float>(stream.normal() * 0.5 + (label == 0 ? 1 : -1)));
  }
  split.features = features;
  return split;
}

constexpr std::int64_t kContext = 6, kVocabulary = 7;

/// Sequences of tokens, each of which is to be followed by the next number.
Split countings() {
  Split split;
  split.samples = kSamples;
  RandomStream stream(1, Purpose::generated_data);
  for (std::int64_t i = 0; i < kSamples * kContext; ++i) {
    const auto token = static_cast<std::int32_t>(stream.below(kVocabulary));
    split.tokens.push_back(token);
    split.target_tokens.push_back((token + 1) % kVocabulary);
  }
  return split;
}

Split split_for(const ModelSettings& model) { return model.kind == ModelKind::mlp ? clouds() : countings(); }

Dataset shape_for(const ModelSettings& model) {
  Dataset shape;
  shape.features = model.kind == ModelKind::mlp ? 6 : kContext;
  shape.outputs = model.kind == ModelKind::mlp ? 2 : kVocabulary;
  shape.context = model.kind == ModelKind::mlp ? 0 : kContext;
  return shape;
}

NetworkSettings settings_for(std::int64_t threads) {
  NetworkSettings settings;
  settings.model.layers = {6, 20, 2};
  settings.max_batch = kBatch;
  settings.threads = threads;
  return settings;
}

NetworkSettings transformer_settings_for(std::int64_t threads, bool tied) {
  NetworkSettings settings = settings_for(threads);
  settings.model.kind = ModelKind::transformer;
  settings.model.d_model = 16;
  settings.model.heads = 2;
  settings.model.blocks = 2;
  settings.model.context = kContext;
  settings.model.vocabulary_size = kVocabulary;
  settings.model.tied_embeddings = tied;
  return settings;
}

/// Of an MLP and of transformers, whose token embedding is a weight of its own kind where it is the head, too.
std::vector<NetworkSettings> all_settings_for(std::int64_t threads) {
  return {settings_for(threads), transformer_settings_for(threads, false), transformer_settings_for(threads, true)};
}

struct Plan {
  std::vector<std::int64_t> rows;
  std::vector<BlockStep> steps;
};

/// Steps on the samples in their order, again and again; the last of each pass is short.
Plan plan_of(std::int64_t steps, double learning_rate = 0.05) {
  Plan plan;
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < steps; ++i) {
    const std::int64_t size = std::min(kBatch - i % 3, kSamples - at);
    for (std::int64_t k = 0; k < size; ++k) plan.rows.push_back(at + k);
    at = (at + size) % kSamples;
    plan.steps.push_back({size, {.learning_rate = learning_rate, .number = i + 1}});
  }
  return plan;
}

struct Trained {
  std::vector<TimedStep> steps;
  std::vector<float> parameters;
};

Trained train(const NetworkSettings& settings, const Plan& plan, bool (*stop)() = nullptr) {
  const Split split = split_for(settings.model);
  const auto network = hogwild_backend().make<float>(settings);
  const auto claim = network->claim_threads();
  network->write(Content::parameters, initial_parameters<float>(settings.model, 2));
  Trained trained;
  trained.steps = network->block_trainer()->train_block(split, plan.rows, plan.steps, stop);
  trained.parameters.resize(static_cast<std::size_t>(parameter_layout(settings.model).size));
  network->read(Content::parameters, trained.parameters);
  return trained;
}

/// Of each step's samples, by another backend with the same products, and nothing learned.
std::vector<double> losses_of(const Plan& plan, const NetworkSettings& settings, const std::vector<float>& parameters) {
  const Split split = split_for(settings.model);
  const auto network = threads_backend().make<float>(settings);
  const auto claim = network->claim_threads();
  network->write(Content::parameters, parameters);
  BatchGatherer<float> gatherer(shape_for(settings.model), kBatch, false);
  std::vector<double> losses;
  std::span<const std::int64_t> rows(plan.rows);
  for (const BlockStep& step : plan.steps) {
    const auto size = static_cast<std::size_t>(step.samples);
    losses.push_back(network->compute_gradients(gatherer.gather(split, rows.first(size))).loss);
    rows = rows.subspan(size);
  }
  return losses;
}

double mean_loss(const std::vector<TimedStep>& steps, std::size_t first, std::size_t count) {
  double sum = 0;
  for (std::size_t i = first; i < first + count; ++i) sum += steps[i].result.loss;
  return sum / static_cast<double>(count);
}

TEST_CASE("one thread has the losses and parameters of the same products in order, to the last bit") {
  for (const NetworkSettings& settings : all_settings_for(1)) {
    const Plan plan = plan_of(40);
    const Trained lone = train(settings, plan);

    const Split split = split_for(settings.model);
    const auto network = threads_backend().make<float>(settings);
    const auto claim = network->claim_threads();
    network->write(Content::parameters, initial_parameters<float>(settings.model, 2));
    BatchGatherer<float> gatherer(shape_for(settings.model), kBatch, false);
    REQUIRE(lone.steps.size() == plan.steps.size());
    std::span<const std::int64_t> rows(plan.rows);
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      const auto size = static_cast<std::size_t>(plan.steps[i].samples);
      CHECK(network->train_step(gatherer.gather(split, rows.first(size)), plan.steps[i].update).loss ==
            lone.steps[i].result.loss);
      rows = rows.subspan(size);
    }
    std::vector<float> parameters(lone.parameters.size());
    network->read(Content::parameters, parameters);
    CHECK(parameters == lone.parameters);
  }
}

TEST_CASE("several threads take each step once, and all train the parameters that are read") {
  for (const std::int64_t threads : {2, 3, 5}) {
    for (const NetworkSettings& settings : all_settings_for(threads)) {
      const Plan plan = plan_of(400);
      const Trained trained = train(settings, plan);
      CAPTURE(threads, settings.model.tied_embeddings);
      REQUIRE(trained.steps.size() == plan.steps.size());
      for (const TimedStep& step : trained.steps) {
        CHECK(step.result.loss > 0);  // as each is of a cross entropy: it was written
        CHECK(step.wall_time >= 0);
      }
      CHECK(mean_loss(trained.steps, 380, 20) < 0.2 * mean_loss(trained.steps, 0, 20));
      CHECK(trained.parameters != initial_parameters<float>(settings.model, 2));
    }
  }
}

TEST_CASE("what another thread's network updates is what is read, evaluated and trained on") {
  for (const NetworkSettings& settings : all_settings_for(1)) {
    auto networks = make_sharing_direct_networks<double>(settings, 3);
    const std::vector<double> start = initial_parameters<double>(settings.model, 2);
    networks.front()->write(Content::parameters, start);
    std::vector<double> gradients(start.size(), 1), seen(start.size());
    for (const std::size_t writer : {2U, 1U}) {
      networks[writer]->write(Content::gradients, gradients);
      networks[writer]->apply_update({.learning_rate = 0.25, .number = 1});
    }
    std::vector<double> losses;
    const Split split = split_for(settings.model);
    for (const auto& network : networks) {
      network->read(Content::parameters, seen);
      for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == Approx(start[i] - 0.5));
      BatchGatherer<double> gatherer(shape_for(settings.model), kBatch, false);
      const std::vector<std::int64_t> rows = {0, 3, 5};
      losses.push_back(network->evaluate(gatherer.gather(split, rows)).loss);
    }
    // Of a network by itself that has those parameters: what is computed with is what is read.
    const auto alone = threads_backend().make<double>(settings);
    const auto claim = alone->claim_threads();
    alone->write(Content::parameters, seen);
    BatchGatherer<double> gatherer(shape_for(settings.model), kBatch, false);
    const std::vector<std::int64_t> rows = {0, 3, 5};
    const double expected = alone->evaluate(gatherer.gather(split, rows)).loss;
    for (const double loss : losses) CHECK(loss == expected);
    networks.front()->read(Content::gradients, seen);
    CHECK(seen == std::vector<double>(start.size(), 0));  // those are each one's own
  }
}

TEST_CASE("a block ends soon after it is told to, with the first steps of it") {
  static std::atomic<int> asked;
  asked = 0;
  const Plan plan = plan_of(60);
  const Trained trained = train(settings_for(3), plan, [] { return ++asked >= 10; });
  CHECK(trained.steps.size() >= 10);
  CHECK(trained.steps.size() < 20);
}

TEST_CASE("a loss that is not finite is the last step of its block") {
  const Trained trained = train(settings_for(2), plan_of(400, 1e30));
  REQUIRE(trained.steps.size() < 400);
  CHECK_FALSE(std::isfinite(trained.steps.back().result.loss));
  for (std::size_t i = 0; i + 1 < trained.steps.size(); ++i) CHECK(std::isfinite(trained.steps[i].result.loss));
}

TEST_CASE("steps side by side are timed by how fast they are together, and add up to the block's time") {
  // Two threads in step, a pair of steps every 2 s: one a second.
  CHECK(overlapping_step_times({2, 2, 4, 4, 6, 6}, 2, 6) == std::vector<double>{1, 1, 1, 1, 1, 1});
  // Not in step, and a step that is left, for which a thread waits; the last one ends with the block.
  CHECK(overlapping_step_times({1, 2, 3, 4, 6}, 2, 7) == std::vector<double>{1, 1, 1, 1, 3});
  // Fewer steps than threads.
  CHECK(overlapping_step_times({3, 4}, 4, 5) == std::vector<double>{2.5, 2.5});
  // In any order; and on one thread they are what lies between.
  CHECK(overlapping_step_times({7, 1, 3}, 1, 8) == std::vector<double>{1, 2, 5});
}

TEST_CASE("a block's step times add up to what it took, to the end of its last thread") {
  using Seconds = std::chrono::duration<double>;
  static constexpr Seconds kPause(0.02);  // at least, after the last step
  static constexpr int kSteps = 40;
  static std::atomic<int> asked;
  const Split split = clouds();
  for (const std::int64_t threads : {1, 2, 3}) {
    asked = 0;
    const Plan plan = plan_of(kSteps);
    const NetworkSettings settings = settings_for(threads);
    const auto network = hogwild_backend().make<float>(settings);
    const auto claim = network->claim_threads();
    network->write(Content::parameters, initial_parameters<float>(settings.model, 2));
    const auto start = std::chrono::steady_clock::now();
    const std::vector<TimedStep> steps = network->block_trainer()->train_block(split, plan.rows, plan.steps, [] {
      if (++asked == kSteps) std::this_thread::sleep_for(kPause);
      return false;
    });
    const double around = Seconds(std::chrono::steady_clock::now() - start).count();
    double sum = 0;
    for (const TimedStep& step : steps) sum += step.wall_time;
    CAPTURE(threads, sum, around);
    CHECK(sum >= kPause.count());
    CHECK(sum <= around * (1 + 1e-12));
  }
}

TEST_CASE("each step is taken on its own samples, whatever thread takes it") {
  // Nothing is learned at a rate of 0, so that a step's loss tells its samples.
  const Plan plan = plan_of(kSamples / kBatch, 0);
  for (const NetworkSettings& settings : all_settings_for(1)) {
    const std::vector<float> start = initial_parameters<float>(settings.model, 2);
    const std::vector<double> expected = losses_of(plan, settings, start);
    CHECK(std::set<double>(expected.begin(), expected.end()).size() == plan.steps.size());
    for (const std::int64_t threads : {1, 2, 3, 5}) {
      NetworkSettings own = settings;
      own.threads = threads;
      const Trained trained = train(own, plan);
      REQUIRE(trained.steps.size() == plan.steps.size());
      for (std::size_t i = 0; i < plan.steps.size(); ++i) CHECK(trained.steps[i].result.loss == expected[i]);
      CHECK(trained.parameters == start);
    }
  }
}

TEST_CASE("what cannot be done without locks is unsupported, with the reason") {
  NetworkSettings settings = settings_for(2);
  settings.training.optimizer = Optimizer::momentum;
  CHECK(unsupported_reason(hogwild_backend(), settings) ==
        "updates without locks as plain SGD: no other training.optimizer is supported");
  settings = settings_for(2);
  settings.training.micro_batch = 4;
  CHECK(unsupported_reason(hogwild_backend(), settings) ==
        "each thread has a batch of its own: training.micro_batch is not supported");
}

}  // namespace
}  // namespace stepbench::testing
