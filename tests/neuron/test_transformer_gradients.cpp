// The transformer's backward pass against finite differences of its forward pass, tensor by tensor; and that this check
// and agreement with the reference reject the planted faults.
#include <catch2/catch.hpp>
#include <stdexcept>
#include <vector>

#include "core/models/parameters.hpp"
#include "tests/support/faulty_transformer.hpp"
#include "tests/support/finite_differences.hpp"
#include "tests/support/relative_error.hpp"
#include "tests/support/transformer_problem.hpp"
#include "variants/neuron/neuron.hpp"

namespace stepbench::testing {
namespace {

// Far above the difference quotients' own error (about 1e-11), far below any error of formula.
constexpr double kTolerance = 1e-8;
// Norms and softmaxes bend the loss more than an MLP does, so the step is a smaller one.
constexpr double kStep = 3e-4;

std::vector<double> gradients_of(Network<double>& network, const TransformerProblem& problem, std::int64_t count = -1) {
  std::vector<double> gradients(problem.parameters.size());
  network.write(Content::parameters, problem.parameters);
  network.compute_gradients(problem.batch(count));
  network.read(Content::gradients, gradients);
  return gradients;
}

/// Largest relative L2 error of any tensor.
double worst_error(const TransformerProblem& problem, const std::vector<double>& actual,
                   const std::vector<double>& expected) {
  double worst = 0;
  for (const ParameterTensor& tensor : parameter_layout(problem.model).tensors) {
    worst = worse_of(worst,
                     relative_l2_error(tensor_of(std::span(actual), tensor), tensor_of(std::span(expected), tensor)));
  }
  return worst;
}

void check_every_tensor(const TransformerProblem& problem, std::int64_t count = -1) {
  const auto network = neuron::make_neuron_network<double>(problem.settings());
  const std::vector<double> expected =
      finite_difference_gradient(*network, problem.model, problem.parameters, problem.batch(count), kStep);
  const std::vector<double> gradients = gradients_of(*network, problem, count);
  for (const ParameterTensor& tensor : parameter_layout(problem.model).tensors) {
    const auto expected_tensor = tensor_of(std::span(expected), tensor);
    INFO(tensor.name);
    CHECK(relative_l2_error(tensor_of(std::span(gradients), tensor), expected_tensor) <= kTolerance);
    CHECK(relative_l2_error(std::vector<double>(expected_tensor.size()), expected_tensor) > kTolerance);
  }
}

/// From the first seed with which no ReLU's kink is within a step of its input: two steps then give the same quotients.
TransformerProblem make_relu_problem(TransformerOptions options) {
  constexpr std::uint64_t kSeeds = 100;
  constexpr double kNoKink = 1e-9;
  options.activation = MlpActivation::relu;
  options.blocks = 1;
  options.batch_size = 2;
  for (options.seed = 1; options.seed <= kSeeds; ++options.seed) {
    TransformerProblem problem = make_transformer_problem(options);
    const auto network = neuron::make_neuron_network<double>(problem.settings());
    const auto quotients = [&](double step) {
      return finite_difference_gradient(*network, problem.model, problem.parameters, problem.batch(), step);
    };
    if (worst_error(problem, quotients(kStep), quotients(1.5 * kStep)) <= kNoKink) return problem;
  }
  throw std::runtime_error("no seed keeps every ReLU away from its kink");
}

TEST_CASE("gradients of a transformer with untied embeddings are the difference quotients") {
  check_every_tensor(make_transformer_problem({.position = PositionEncoding::learned}));
  check_every_tensor(make_transformer_problem({.position = PositionEncoding::sinusoidal}));
}

TEST_CASE("gradients of a transformer with tied embeddings are the difference quotients") {
  check_every_tensor(make_transformer_problem({.position = PositionEncoding::learned, .tied_embeddings = true}));
  check_every_tensor(make_transformer_problem({.position = PositionEncoding::sinusoidal, .tied_embeddings = true}));
}

TEST_CASE("gradients of a transformer with ReLU are the difference quotients") {
  check_every_tensor(make_relu_problem({.tied_embeddings = false}));
  check_every_tensor(
      make_relu_problem({.heads = 1, .position = PositionEncoding::sinusoidal, .tied_embeddings = true}));
}

TEST_CASE("gradients of a transformer with one head are the difference quotients") {
  check_every_tensor(make_transformer_problem({.heads = 1}));
}

TEST_CASE("gradients of a transformer with a context of one token are the difference quotients") {
  check_every_tensor(make_transformer_problem({.heads = 1, .context = 1}));
  check_every_tensor(make_transformer_problem({.heads = 4, .context = 1, .tied_embeddings = true}));
}

TEST_CASE("gradients of a transformer whose tokens all count are the difference quotients") {
  check_every_tensor(make_transformer_problem({.not_counted = 0}));
}

TEST_CASE("gradients of a batch shorter than the largest are the difference quotients") {
  const TransformerProblem problem = make_transformer_problem();
  const auto network = neuron::make_neuron_network<double>(problem.settings());
  gradients_of(*network, problem);  // leaves the long batch's traces behind
  check_every_tensor(problem, 2);
}

TEST_CASE("the targets of the problems of these tests include uncounted ones") {
  const TransformerProblem problem = make_transformer_problem();
  CHECK(problem.batch().counted < std::ssize(problem.target_tokens));
  CHECK(problem.batch(2).counted < 2 * problem.model.context);
}

TEST_CASE("a wrong backward pass fails the difference quotients, a wrong forward pass passes them") {
  const TransformerProblem problem = make_transformer_problem({.tied_embeddings = true});
  for (const FaultyTransformer& faulty : kFaultyTransformers) {
    INFO(faulty.backend.name);
    const auto network = faulty.backend.make<double>(problem.settings());
    const std::vector<double> quotients =
        finite_difference_gradient(*network, problem.model, problem.parameters, problem.batch(), kStep);
    const double error = worst_error(problem, gradients_of(*network, problem), quotients);
    CHECK((error <= kTolerance) == (faulty.caught_by == Check::reference));
  }
}

TEMPLATE_TEST_CASE("every planted fault's gradients are far from the reference's", "", float, double) {
  constexpr double kFloat32Tolerance = 1e-3;  // of the gate
  const TransformerProblem problem = make_transformer_problem({.tied_embeddings = true});
  const std::vector<double> expected = gradients_of(*neuron::make_neuron_network<double>(problem.settings()), problem);
  for (const FaultyTransformer& faulty : kFaultyTransformers) {
    INFO(faulty.backend.name);
    const auto network = faulty.backend.make<TestType>(problem.settings());
    network->write(Content::parameters, problem.parameters_as<TestType>());
    network->compute_gradients(problem.batch<TestType>());
    std::vector<TestType> gradients(expected.size());
    network->read(Content::gradients, gradients);
    CHECK(worst_error(problem, std::vector<double>(gradients.begin(), gradients.end()), expected) > kFloat32Tolerance);
  }
}

TEST_CASE("a wrong forward pass has another loss than the reference, a wrong backward pass has the same") {
  const TransformerProblem problem = make_transformer_problem({.tied_embeddings = true});
  const auto reference = neuron::make_neuron_network<double>(problem.settings());
  reference->write(Content::parameters, problem.parameters);
  const double expected = reference->evaluate(problem.batch()).loss;
  for (const FaultyTransformer& faulty : kFaultyTransformers) {
    INFO(faulty.backend.name);
    const auto network = faulty.backend.make<double>(problem.settings());
    network->write(Content::parameters, problem.parameters);
    const bool is_same = network->evaluate(problem.batch()).loss == Approx(expected).epsilon(1e-12);
    CHECK(is_same == (faulty.caught_by == Check::finite_differences));
  }
}

TEMPLATE_TEST_CASE("a faulty transformer whose fault has nothing to spoil is a right one", "", float, double) {
  // One token, one head of width 1, relu: only the norm's fault is left.
  const TransformerProblem problem = make_transformer_problem(
      {.d_model = 1, .heads = 1, .context = 1, .activation = MlpActivation::relu, .not_counted = 0});
  const auto loss_and_gradients = [&](Network<TestType>& network) {
    network.write(Content::parameters, problem.parameters_as<TestType>());
    std::vector<TestType> result(problem.parameters.size());
    const double loss = network.compute_gradients(problem.batch<TestType>()).loss;
    network.read(Content::gradients, result);
    result.push_back(static_cast<TestType>(loss));
    return result;
  };
  const auto expected = loss_and_gradients(*neuron::make_neuron_network<TestType>(problem.settings()));
  for (const FaultyTransformer& faulty : kFaultyTransformers) {
    if (faulty.backend.name == "norm_without_mean_term") continue;
    INFO(faulty.backend.name);
    CHECK(relative_l2_error(loss_and_gradients(*faulty.backend.make<TestType>(problem.settings())), expected) <= 1e-5);
  }
}

}  // namespace
}  // namespace stepbench::testing
