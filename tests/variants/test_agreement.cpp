// Every backend against float64 `neuron`, in whole trainings: optimisers, clipping, update orders, odd shapes. The
// neuron's own optimisers are tested against scalar recurrences (tests/neuron).
#include <vector>

#include "core/models/parameters.hpp"
#include "core/random.hpp"
#include "tests/support/relative_error.hpp"
#include "tests/variants/each_backend.hpp"

namespace stepbench::testing {
namespace {

constexpr double kTolerance = 1e-9;  // relative L2 of all parameters after the run; sums in another order give 1e-14

struct Problem {
  NetworkSettings settings;
  std::int64_t last_batch;  // every third batch is this short
};

template <typename Scalar>
struct BatchData {
  std::vector<Scalar> features, targets;
  std::vector<std::int32_t> labels;
  BatchData(const ModelSettings& model, std::int64_t size, std::uint64_t seed) {
    RandomStream stream(seed, Purpose::generated_data);
    features.resize(static_cast<std::size_t>(size * model.layers.front()));
    for (Scalar& value : features) value = static_cast<Scalar>(stream.uniform());
    targets.resize(static_cast<std::size_t>(size * model.layers.back()));
    for (Scalar& value : targets) value = static_cast<Scalar>(stream.uniform());
    for (std::int64_t b = 0; b < size; ++b) {
      labels.push_back(static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(model.layers.back()))));
    }
  }
  [[nodiscard]] Batch<Scalar> view() const {
    return {.size = std::ssize(labels),
            .counted = std::ssize(labels),
            .features = features,
            .labels = labels,
            .targets = targets};
  }
};

struct Outcome {
  std::vector<double> losses, parameters;
};

Outcome train(Network<double>& network, const Problem& problem) {
  const auto claim = network.claim_threads();
  Outcome outcome;
  outcome.parameters = initial_parameters<double>(problem.settings.model, 5);
  network.write(Content::parameters, outcome.parameters);
  for (std::int64_t step = 0; step < 12; ++step) {
    const std::int64_t size = step % 3 == 2 ? problem.last_batch : problem.settings.max_batch;
    const BatchData<double> data(problem.settings.model, size, static_cast<std::uint64_t>(step));
    outcome.losses.push_back(
        network.train_step(data.view(), {.learning_rate = problem.settings.training.learning_rate, .number = step + 1})
            .loss);
  }
  network.read(Content::parameters, outcome.parameters);
  return outcome;
}

void require_agreement(const Problem& problem) {
  const Backend& reference = *find_backend(backends(), kReferenceBackend);
  NetworkSettings settings = problem.settings;
  settings.threads = 1;
  const Outcome expected = train(*reference.make<double>(settings), problem);
  for_each_backend([&](const Backend& backend, std::int64_t threads) {
    settings.threads = threads;
    const Outcome actual = train(*backend.make<double>(settings), problem);
    CHECK(relative_l2_error(actual.losses, expected.losses) <= kTolerance);
    CHECK(relative_l2_error(actual.parameters, expected.parameters) <= kTolerance);
  });
}

Problem make_problem(std::vector<std::int64_t> layers, std::int64_t batch, std::int64_t last_batch) {
  Problem problem{.settings = {}, .last_batch = last_batch};
  problem.settings.model.layers = std::move(layers);
  problem.settings.max_batch = batch;
  problem.settings.training.learning_rate = 0.05;
  return problem;
}

}  // namespace

TEST_CASE("backends agree on every optimizer, with and without decay and clipping") {
  for (const Optimizer optimizer : {Optimizer::sgd, Optimizer::momentum, Optimizer::adam, Optimizer::adamw}) {
    for (const double weight_decay : {0.0, 0.1}) {
      for (const bool clip : {false, true}) {
        INFO("optimizer " << static_cast<int>(optimizer) << ", decay " << weight_decay << ", clip " << clip);
        Problem problem = make_problem({20, 33, 17, 5}, 40, 7);
        problem.settings.training.optimizer = optimizer;
        problem.settings.training.weight_decay = weight_decay;
        if (clip) problem.settings.training.gradient_clip = 0.1;  // below the norms of this problem: it takes effect
        require_agreement(problem);
      }
    }
  }
}

TEST_CASE("backends agree on layerwise updates, with and without decay") {
  for (const double weight_decay : {0.0, 0.1}) {
    Problem problem = make_problem({20, 33, 17, 5}, 40, 7);
    problem.settings.training.update_order = UpdateOrder::layerwise;
    problem.settings.training.weight_decay = weight_decay;
    require_agreement(problem);
  }
}

TEST_CASE("backends agree on every loss and output") {
  for (const Loss loss : {Loss::squared_error, Loss::cross_entropy, Loss::stablemax_cross_entropy}) {
    for (const OutputActivation output : {OutputActivation::linear, OutputActivation::relu}) {
      Problem problem = make_problem({20, 33, 5}, 24, 9);
      problem.settings.model.loss = loss;
      problem.settings.model.output = output;
      require_agreement(problem);
    }
  }
}

TEST_CASE("a softmax in float32 swallows what one in float64 learns from, in every backend") {
  const std::vector<float> features = {1}, parameters = {20, 0, 0, 0, 0, 0};  // logits 20, 0, 0
  const std::vector<std::int32_t> labels = {0};
  Batch<float> batch;
  batch.size = batch.counted = 1;
  batch.features = features;
  batch.labels = labels;
  for_each_backend([&](const Backend& backend, std::int64_t threads) {
    const auto gradient_at_label = [&](Precision softmax) {
      NetworkSettings settings;
      settings.model.layers = {1, 3};
      settings.model.softmax = softmax;
      settings.threads = threads;
      const auto network = backend.make<float>(settings);
      const auto claim = network->claim_threads();
      network->write(Content::parameters, parameters);
      network->compute_gradients(batch);
      std::vector<float> gradients(parameters.size());
      network->read(Content::gradients, gradients);
      return gradients.front();
    };
    const float in_float32 = gradient_at_label(Precision::float32), in_float64 = gradient_at_label(Precision::float64);
    CHECK(in_float32 == 0);
    CHECK(in_float64 == Approx(-2 * std::exp(-20.0)).epsilon(1e-5));
  });
}

TEST_CASE("backends agree on odd shapes: one layer, sizes of one, one sample, many shards and blocks") {
  require_agreement(make_problem({3, 2}, 5, 1));
  require_agreement(make_problem({1, 1, 1}, 1, 1));
  require_agreement(make_problem({7, 1, 3}, 17, 16));
  require_agreement(make_problem({130, 700, 10}, 300, 131));
}

TEST_CASE("train_step is compute_gradients then apply_update, when updates are simultaneous") {
  for (const bool clip : {false, true}) {
    Problem problem = make_problem({20, 33, 5}, 24, 9);
    problem.settings.training.optimizer = Optimizer::adam;
    if (clip) problem.settings.training.gradient_clip = 0.1;
    for_each_backend([&](const Backend& backend, std::int64_t threads) {
      NetworkSettings settings = problem.settings;
      settings.threads = threads;
      const auto whole = backend.make<double>(settings), parts = backend.make<double>(settings);
      const auto claim = whole->claim_threads();
      std::vector<double> one = initial_parameters<double>(settings.model, 5), two = one;
      whole->write(Content::parameters, one);
      parts->write(Content::parameters, two);
      for (std::int64_t step = 1; step <= 3; ++step) {
        const BatchData<double> data(settings.model, 24, static_cast<std::uint64_t>(step));
        const UpdateStep update{.learning_rate = 0.01, .number = step};
        const double loss = whole->train_step(data.view(), update).loss;
        CHECK(parts->compute_gradients(data.view()).loss == Approx(loss).epsilon(1e-13));
        parts->apply_update(update);
      }
      whole->read(Content::parameters, one);
      parts->read(Content::parameters, two);
      CHECK(relative_l2_error(one, two) <= 1e-12);
    });
  }
}

TEST_CASE("evaluate gives the loss that training starts from and changes nothing that training sees") {
  const Problem problem = make_problem({20, 33, 5}, 24, 9);
  for_each_backend([&](const Backend& backend, std::int64_t threads) {
    NetworkSettings settings = problem.settings;
    settings.threads = threads;
    const auto network = backend.make<double>(settings);
    const auto claim = network->claim_threads();
    const std::vector<double> start = initial_parameters<double>(settings.model, 5);
    const BatchData<double> data(settings.model, 24, 1), other(settings.model, 11, 2);
    const auto train_once = [&](bool evaluate_between) {
      network->write(Content::parameters, start);
      network->compute_gradients(data.view());
      if (evaluate_between) network->evaluate(other.view());
      network->apply_update({.learning_rate = 0.1, .number = 1});
      std::vector<double> parameters(start.size());
      network->read(Content::parameters, parameters);
      return parameters;
    };
    CHECK(train_once(false) == train_once(true));
    network->write(Content::parameters, start);
    const Evaluation evaluation = network->evaluate(data.view());
    CHECK(evaluation.loss == network->train_step(data.view(), {.learning_rate = 0.1, .number = 1}).loss);
    CHECK(evaluation.correct >= 0);
    CHECK(evaluation.correct <= 24);
  });
}

TEST_CASE("evaluate counts the samples whose largest output is their label's") {
  // One layer that copies its two inputs to its two outputs; a tie goes to the first.
  for_each_backend([&](const Backend& backend, std::int64_t threads) {
    NetworkSettings settings;
    settings.model.layers = {2, 2};
    settings.max_batch = 4;
    settings.threads = threads;
    const auto network = backend.make<double>(settings);
    const auto claim = network->claim_threads();
    network->write(Content::parameters, std::vector<double>{1, 0, 0, 1, 0, 0});
    const std::vector<double> features = {0.9, 0.1, 0.2, 0.8, 0.5, 0.5, 0.3, 0.7};
    const std::vector<std::int32_t> labels = {0, 0, 0, 1};
    CHECK(network->evaluate({.size = 4, .counted = 4, .features = features, .labels = labels, .targets = {}}).correct ==
          3);
  });
}

TEST_CASE("a loss that is not finite stays visible") {
  for_each_backend([&](const Backend& backend, std::int64_t threads) {
    NetworkSettings settings;
    settings.model.layers = {2, 3, 2};
    settings.max_batch = 1;
    settings.threads = threads;
    const auto network = backend.make<double>(settings);
    const auto claim = network->claim_threads();
    const std::vector<double> parameters(static_cast<std::size_t>(parameter_layout(settings.model).size), 1.0);
    network->write(Content::parameters, parameters);
    const std::vector<double> features = {std::numeric_limits<double>::quiet_NaN(), 1};
    const std::vector<std::int32_t> labels = {0};
    const Evaluation evaluation =
        network->evaluate({.size = 1, .counted = 1, .features = features, .labels = labels, .targets = {}});
    CHECK_FALSE(std::isfinite(evaluation.loss));
    CHECK(evaluation.correct == 0);  // not "the first of equals", as the largest of NaNs would have it
  });
}

TEST_CASE("outputs are right where the largest of them, of equals the first, is the label's and is finite") {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();
  const auto right = [](std::vector<double> outputs, std::int32_t label) {
    return largest_is_at(std::span<const double>(outputs), label);
  };
  CHECK(right({1, 3, 2}, 1));
  CHECK_FALSE(right({1, 3, 2}, 2));
  CHECK(right({3, 3, 2}, 0));
  CHECK_FALSE(right({3, 3, 2}, 1));
  CHECK_FALSE(right({kNaN, kNaN}, 0));
  CHECK_FALSE(right({2, kNaN}, 0));
  CHECK_FALSE(right({kNaN, 2}, 1));
  CHECK_FALSE(right({1, kInfinity}, 1));
  CHECK(right({-kInfinity, 0}, 1));
  CHECK_FALSE(right({1, 2}, kNotCounted));
}

}  // namespace stepbench::testing
