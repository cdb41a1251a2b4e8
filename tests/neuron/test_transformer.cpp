// The transformer as a Network: what a position may see, what counts, and what the interface promises.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "core/error.hpp"
#include "tests/support/relative_error.hpp"
#include "tests/support/transformer_problem.hpp"
#include "variants/neuron/neuron.hpp"

namespace stepbench::testing {
namespace {

std::unique_ptr<Network<double>> make_network(const TransformerProblem& problem) {
  auto network = neuron::make_neuron_network<double>(problem.settings());
  network->write(Content::parameters, problem.parameters);
  return network;
}

/// The loss of each position of the first sequence.
std::vector<double> losses_by_position(const TransformerProblem& problem) {
  const auto network = make_network(problem);
  std::vector<double> losses;
  for (std::size_t t = 0; t < static_cast<std::size_t>(problem.model.context); ++t) {
    TransformerProblem only = problem;
    std::fill(only.target_tokens.begin(), only.target_tokens.end(), kNotCounted);
    only.target_tokens[t] = problem.target_tokens[t];
    losses.push_back(network->evaluate(only.batch()).loss);
  }
  return losses;
}

TEST_CASE("a token changes the loss of its own position and of later ones, and of no earlier one") {
  const TransformerProblem problem = make_transformer_problem({.not_counted = 0});
  const std::vector<double> before = losses_by_position(problem);
  for (std::size_t t = 0; t < before.size(); ++t) {
    TransformerProblem changed = problem;
    changed.tokens[t] = (changed.tokens[t] + 1) % static_cast<std::int32_t>(problem.model.vocabulary_size);
    const std::vector<double> after = losses_by_position(changed);
    for (std::size_t i = 0; i < before.size(); ++i) {
      INFO("token " << t << ", position " << i);
      CHECK((after[i] == before[i]) == (i < t));
    }
  }
}

TEST_CASE("a sequence does not see the others of its batch") {
  const TransformerProblem problem = make_transformer_problem({.not_counted = 0});
  TransformerProblem changed = problem;
  for (std::size_t row = 5; row < changed.tokens.size(); ++row) changed.tokens[row] = 0;
  CHECK(losses_by_position(changed) == losses_by_position(problem));
}

TEST_CASE("the loss is the mean over the tokens that count") {
  TransformerProblem problem = make_transformer_problem({.batch_size = 1, .not_counted = 0});
  const std::vector<double> each = losses_by_position(problem);
  problem.target_tokens = {problem.target_tokens[0], kNotCounted, problem.target_tokens[2], kNotCounted, kNotCounted};
  const double loss = make_network(problem)->evaluate(problem.batch()).loss;
  CHECK(loss == Approx((each[0] + each[2]) / 2).epsilon(1e-14));
}

TEST_CASE("a transformer of zeros finds every token equally likely, and the first of them right") {
  TransformerProblem problem = make_transformer_problem({.batch_size = 1});
  std::fill(problem.parameters.begin(), problem.parameters.end(), 0);
  problem.target_tokens = {0, kNotCounted, 1, 0, 2};
  const Evaluation evaluation = make_network(problem)->evaluate(problem.batch());
  CHECK(evaluation.loss == Approx(std::log(7.0)).epsilon(1e-14));
  CHECK(evaluation.correct == 2);
}

TEMPLATE_TEST_CASE("a transformer gives back the parameters that it was given", "", float, double) {
  for (const bool tied : {false, true}) {
    for (const PositionEncoding position : {PositionEncoding::learned, PositionEncoding::sinusoidal}) {
      const TransformerProblem problem = make_transformer_problem({.position = position, .tied_embeddings = tied});
      const auto network = neuron::make_neuron_network<TestType>(problem.settings());
      const std::vector<TestType> parameters = problem.parameters_as<TestType>();
      network->write(Content::parameters, parameters);
      std::vector<TestType> read(parameters.size());
      network->read(Content::parameters, read);
      CHECK(read == parameters);
    }
  }
}

TEST_CASE("a float32 transformer has the float64 one's gradients to its precision") {
  const TransformerProblem problem = make_transformer_problem({.tied_embeddings = true});
  const auto exact = make_network(problem);
  const auto rounded = neuron::make_neuron_network<float>(problem.settings());
  rounded->write(Content::parameters, problem.parameters_as<float>());
  const double loss = exact->compute_gradients(problem.batch()).loss;
  CHECK(rounded->compute_gradients(problem.batch<float>()).loss == Approx(loss).epsilon(1e-5));
  std::vector<double> expected(problem.parameters.size());
  std::vector<float> actual(expected.size());
  exact->read(Content::gradients, expected);
  rounded->read(Content::gradients, actual);
  CHECK(relative_l2_error(actual, expected) <= 1e-5);
}

TEST_CASE("gradients are those of the last batch alone") {
  const TransformerProblem problem = make_transformer_problem({.tied_embeddings = true});
  const auto network = make_network(problem);
  std::vector<double> first(problem.parameters.size()), second(first.size());
  network->compute_gradients(problem.batch(1));
  network->read(Content::gradients, first);
  network->compute_gradients(problem.batch());
  network->compute_gradients(problem.batch(1));
  network->read(Content::gradients, second);
  CHECK(second == first);
}

TEST_CASE("a transformer's step reports its own phases and no others") {
  const TransformerProblem problem = make_transformer_problem();
  const PhaseTimes phases = make_network(problem)->train_step(problem.batch(), {.learning_rate = 0.1}).phases;
  for (const Phase phase : {Phase::forward, Phase::loss, Phase::backward, Phase::update}) CHECK(phases[phase] > 0);
  CHECK(phases[Phase::reduce] == 0);
}

}  // namespace
}  // namespace stepbench::testing
