// The neuron backend as a Network: a 2-2-1 network by hand, and what the interface promises.
//
// The network by hand: x = (1, 2), hidden z = (2, 1.5), output -0.5, target 1. All numbers are dyadic, so both
// precisions are exact.
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "core/error.hpp"
#include "tests/support/gradient_problem.hpp"
#include "variants/neuron/neuron.hpp"

namespace stepbench::testing {
namespace {

using testing::GradientProblem;
using testing::make_gradient_problem;

template <typename Scalar>
struct HandNetwork {
  // W1 (2, 2), b1 (2), W2 (1, 2), b2 (1)
  std::vector<Scalar> parameters = {1, 0.5, -1, 1, 0, 0.5, 1, -2, 0.5};
  std::vector<Scalar> features = {1, 2};
  std::vector<Scalar> targets = {1};
  UpdateStep step = {.learning_rate = 0.5, .number = 1};

  [[nodiscard]] Batch<Scalar> batch() const {
    return {.size = 1,
            .counted = 1,
            .features = features,
            .labels = {},
            .targets = targets,
            .tokens = {},
            .target_tokens = {}};
  }
  [[nodiscard]] std::unique_ptr<Network<Scalar>> make(UpdateOrder order) const {
    NetworkSettings settings;
    settings.model.layers = {2, 2, 1};
    settings.model.loss = Loss::squared_error;
    settings.training.update_order = order;
    settings.max_batch = 4;
    auto network = neuron::make_neuron_network<Scalar>(settings);
    network->write(Content::parameters, parameters);
    return network;
  }
};

template <typename Scalar>
std::vector<Scalar> parameters_of(const Network<Scalar>& network, std::size_t size) {
  std::vector<Scalar> parameters(size);
  network.read(Content::parameters, parameters);
  return parameters;
}

TEMPLATE_TEST_CASE("the hand-made network has the loss and gradients computed by hand", "", float, double) {
  const HandNetwork<TestType> hand;
  const auto network = hand.make(UpdateOrder::simultaneous);
  CHECK(network->compute_gradients(hand.batch()).loss == 2.25);
  std::vector<TestType> gradients(9);
  network->read(Content::gradients, gradients);
  CHECK(gradients == std::vector<TestType>{-3, -6, 6, 12, -3, 6, -6, -4.5, -3});
}

TEMPLATE_TEST_CASE("a simultaneous step uses the old weights for every gradient", "", float, double) {
  const HandNetwork<TestType> hand;
  const auto network = hand.make(UpdateOrder::simultaneous);
  CHECK(network->train_step(hand.batch(), hand.step).loss == 2.25);
  CHECK(parameters_of(*network, 9) == std::vector<TestType>{2.5, 3.5, -4, -5, 1.5, -2.5, 4, 0.25, 2});
}

TEMPLATE_TEST_CASE("a layerwise step passes the gradient down through the new weights", "", float, double) {
  const HandNetwork<TestType> hand;
  const auto network = hand.make(UpdateOrder::layerwise);
  CHECK(network->train_step(hand.batch(), hand.step).loss == 2.25);
  CHECK(parameters_of(*network, 9) == std::vector<TestType>{7, 12.5, -0.625, 1.75, 6, 0.875, 4, 0.25, 2});
}

TEST_CASE("compute_gradients keeps to the textbook order under layerwise settings") {
  const HandNetwork<double> hand;
  const auto network = hand.make(UpdateOrder::layerwise);
  network->compute_gradients(hand.batch());
  network->apply_update(hand.step);
  CHECK(parameters_of(*network, 9) == std::vector<double>{2.5, 3.5, -4, -5, 1.5, -2.5, 4, 0.25, 2});
}

TEST_CASE("a batch of one sample twice gives the gradients of the sample") {
  HandNetwork<double> hand;
  const auto network = hand.make(UpdateOrder::simultaneous);
  hand.features = {1, 2, 1, 2};
  hand.targets = {1, 1};
  Batch<double> batch = hand.batch();
  batch.size = batch.counted = 2;
  network->compute_gradients(batch);
  std::vector<double> gradients(9);
  network->read(Content::gradients, gradients);
  CHECK(gradients == std::vector<double>{-3, -6, 6, 12, -3, 6, -6, -4.5, -3});
}

TEST_CASE("a ReLU output is silent where the linear one is negative") {
  HandNetwork<double> hand;
  NetworkSettings settings;
  settings.model.layers = {2, 2, 1};
  settings.model.loss = Loss::squared_error;
  settings.model.output = OutputActivation::relu;
  const auto network = neuron::make_neuron_network<double>(settings);
  network->write(Content::parameters, hand.parameters);
  CHECK(network->compute_gradients(hand.batch()).loss == 1);
  std::vector<double> gradients(9, -1);
  network->read(Content::gradients, gradients);
  CHECK(gradients == std::vector<double>(9, 0));
}

/// Trains `steps` steps with momentum, which remembers; `before_step` may meddle.
template <typename BeforeStep>
std::vector<double> train(Network<double>& network, const GradientProblem& problem, int steps, BeforeStep before_step) {
  for (int t = 1; t <= steps; ++t) {
    before_step();
    network.train_step(problem.batch(), {.learning_rate = 0.05, .number = t});
  }
  return parameters_of(network, problem.parameters.size());
}

struct MomentumFixture {
  GradientProblem problem = make_gradient_problem({3, 4, 2}, OutputActivation::linear, Loss::cross_entropy, 5, 0);
  std::unique_ptr<Network<double>> network;
  MomentumFixture() {
    NetworkSettings settings = problem.settings();
    settings.training.optimizer = Optimizer::momentum;
    network = neuron::make_neuron_network<double>(settings);
    network->write(Content::parameters, problem.parameters);
  }
};

TEST_CASE("evaluating between steps changes nothing that training sees") {
  MomentumFixture plain;
  MomentumFixture meddled;
  const auto expected = train(*plain.network, plain.problem, 3, [] {});
  Batch<double> short_batch = meddled.problem.batch();
  short_batch.size = short_batch.counted = 1;
  short_batch.features = short_batch.features.first(3);
  short_batch.labels = short_batch.labels.first(1);
  CHECK(train(*meddled.network, meddled.problem, 3, [&] { meddled.network->evaluate(short_batch); }) == expected);
}

TEST_CASE("evaluating between gradients and update changes nothing that the update sees") {
  MomentumFixture plain;
  MomentumFixture meddled;
  plain.network->compute_gradients(plain.problem.batch());
  plain.network->apply_update({.learning_rate = 0.1});
  meddled.network->compute_gradients(meddled.problem.batch());
  meddled.network->evaluate(meddled.problem.batch());
  meddled.network->apply_update({.learning_rate = 0.1});
  const std::size_t size = plain.problem.parameters.size();
  CHECK(parameters_of(*meddled.network, size) == parameters_of(*plain.network, size));
}

TEST_CASE("set_parameters makes the optimiser forget") {
  MomentumFixture fixture;
  const auto first = train(*fixture.network, fixture.problem, 3, [] {});
  fixture.network->write(Content::parameters, fixture.problem.parameters);
  CHECK(train(*fixture.network, fixture.problem, 3, [] {}) == first);
}

TEST_CASE("train_step is compute_gradients and apply_update") {
  MomentumFixture whole;
  MomentumFixture parts;
  const auto expected = train(*whole.network, whole.problem, 3, [] {});
  for (int t = 1; t <= 3; ++t) {
    parts.network->compute_gradients(parts.problem.batch());
    parts.network->apply_update({.learning_rate = 0.05, .number = t});
  }
  CHECK(parameters_of(*parts.network, expected.size()) == expected);
}

TEST_CASE("a batch shorter than the largest trains as in a network made for its size") {
  const GradientProblem problem = make_gradient_problem({3, 4, 2}, OutputActivation::relu, Loss::squared_error, 3, 0);
  NetworkSettings settings = problem.settings();
  const auto exact = neuron::make_neuron_network<double>(settings);
  settings.max_batch = 8;
  const auto roomy = neuron::make_neuron_network<double>(settings);
  for (Network<double>* network : {exact.get(), roomy.get()}) {
    network->write(Content::parameters, problem.parameters);
    network->train_step(problem.batch(), {.learning_rate = 0.1});
  }
  const std::size_t size = problem.parameters.size();
  CHECK(parameters_of(*roomy, size) == parameters_of(*exact, size));
}

TEST_CASE("evaluate counts the hits of a batch with labels") {
  NetworkSettings settings;
  settings.model.layers = {2, 2};
  settings.max_batch = 3;
  const auto network = neuron::make_neuron_network<double>(settings);
  network->write(Content::parameters, std::vector<double>{1, 0, 0, 1, 0, 0});  // the identity
  const std::vector<double> features = {2, 1, 1, 2, 1, 2};
  const std::vector<std::int32_t> labels = {0, 1, 0};
  const Batch<double> batch{.size = 3,
                            .counted = 3,
                            .features = features,
                            .labels = labels,
                            .targets = {},
                            .tokens = {},
                            .target_tokens = {}};
  CHECK(network->evaluate(batch).correct == 2);
}

TEST_CASE("a step reports its own phases and no others") {
  MomentumFixture fixture;
  const PhaseTimes phases = fixture.network->train_step(fixture.problem.batch(), {.learning_rate = 0.1}).phases;
  for (const Phase phase : {Phase::forward, Phase::loss, Phase::backward, Phase::update}) CHECK(phases[phase] > 0);
  CHECK(phases[Phase::reduce] == 0);
}

TEST_CASE("more than one thread is refused") {
  NetworkSettings settings;
  settings.model.layers = {2, 1};
  settings.threads = 2;
  CHECK_THROWS_WITH(neuron::neuron_backend().make<float>(settings), "neuron runs on at most 1 thread");
}

}  // namespace
}  // namespace stepbench::testing
