// The optimisers against recurrences written out here for one parameter at a time, in double.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <vector>

#include "core/models/parameters.hpp"
#include "tests/support/gradient_problem.hpp"
#include "tests/support/relative_error.hpp"
#include "tests/support/transformer_problem.hpp"
#include "variants/neuron/neuron.hpp"

namespace stepbench::testing {
namespace {

using testing::GradientProblem;
using testing::make_gradient_problem;
using testing::make_transformer_problem;
using testing::relative_l2_error;
using testing::TransformerProblem;
using testing::worse_of;

// Rounding of a few operations per step.
constexpr double kTolerance = 1e-13;
constexpr int kSteps = 6;

/// A parameter with all that any optimiser remembers of it.
struct Parameter {
  double w = 0;
  double velocity = 0;
  double mean = 0;    // Adam's m
  double square = 0;  // Adam's v
  ParameterRole role = ParameterRole::matrix;
};
using Recurrence = std::function<void(Parameter&, double gradient, const UpdateStep&)>;

double learning_rate_at(int t) { return 0.05 / t; }  // changes, as a schedule's does

/// Trains the backend on the problem and, on the gradients that it reports, the recurrence; gives the largest error of
/// any tensor.
template <typename Problem>
double worst_error_on(const Problem& problem, const TrainingSettings& training, const Recurrence& recurrence) {
  NetworkSettings settings = problem.settings();
  settings.training = training;
  const auto network = neuron::make_neuron_network<double>(settings);
  network->write(Content::parameters, problem.parameters);

  const ParameterLayout layout = parameter_layout(problem.model);
  std::vector<Parameter> expected(problem.parameters.size());
  for (const ParameterTensor& tensor : layout.tensors) {
    for (Parameter& parameter : tensor_of(std::span(expected), tensor)) parameter.role = tensor.role;
  }
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i].w = problem.parameters[i];

  std::vector<double> gradients(expected.size());
  for (int t = 1; t <= kSteps; ++t) {
    const UpdateStep step{.learning_rate = learning_rate_at(t), .number = t};
    network->compute_gradients(problem.batch());
    network->read(Content::gradients, gradients);
    network->apply_update(step);
    double norm = 0;
    for (const double g : gradients) norm = std::hypot(norm, g);
    const double factor = training.gradient_clip ? std::min(1.0, *training.gradient_clip / (norm + 1e-6)) : 1.0;
    for (std::size_t i = 0; i < expected.size(); ++i) recurrence(expected[i], factor * gradients[i], step);
  }

  std::vector<double> actual(expected.size());
  std::vector<double> weights(expected.size());
  network->read(Content::parameters, actual);
  std::transform(expected.begin(), expected.end(), weights.begin(), [](const Parameter& p) { return p.w; });
  double worst = 0;
  for (const ParameterTensor& tensor : layout.tensors) {
    worst =
        worse_of(worst, relative_l2_error(tensor_of(std::span(actual), tensor), tensor_of(std::span(weights), tensor)));
  }
  return worst;
}

/// On an MLP and on transformers, whose tensors have more roles.
double worst_error(const TrainingSettings& training, const Recurrence& recurrence) {
  double worst = worst_error_on(make_gradient_problem({4, 5, 3}, OutputActivation::linear, Loss::cross_entropy, 6, 0),
                                training, recurrence);
  for (const bool tied : {false, true}) {
    const TransformerProblem problem = make_transformer_problem({.tied_embeddings = tied});
    worst = worse_of(worst, worst_error_on(problem, training, recurrence));
  }
  return worst;
}

void adam(Parameter& p, double g, const UpdateStep& step, const TrainingSettings& training) {
  p.mean = training.beta1 * p.mean + (1 - training.beta1) * g;
  p.square = training.beta2 * p.square + (1 - training.beta2) * g * g;
  const double mean = p.mean / (1 - std::pow(training.beta1, step.number));
  const double square = p.square / (1 - std::pow(training.beta2, step.number));
  p.w -= step.learning_rate * mean / (std::sqrt(square) + training.epsilon);
}

TrainingSettings training_with(Optimizer optimizer) {
  TrainingSettings training;
  training.optimizer = optimizer;
  training.weight_decay = 0.1;
  training.momentum = 0.8;
  training.beta1 = 0.7;
  training.beta2 = 0.95;
  training.epsilon = 1e-3;  // large enough to show where it stands
  return training;
}

TEST_CASE("sgd with weight decay follows its recurrence") {
  const TrainingSettings training = training_with(Optimizer::sgd);
  CHECK(worst_error(training, [&](Parameter& p, double g, const UpdateStep& step) {
          p.w -= step.learning_rate * (g + training.weight_decay * p.w);
        }) <= kTolerance);
}

TEST_CASE("momentum with weight decay follows its recurrence") {
  const TrainingSettings training = training_with(Optimizer::momentum);
  CHECK(worst_error(training, [&](Parameter& p, double g, const UpdateStep& step) {
          p.velocity = training.momentum * p.velocity + g + training.weight_decay * p.w;
          p.w -= step.learning_rate * p.velocity;
        }) <= kTolerance);
}

TEST_CASE("adam with weight decay in the gradient follows its recurrence") {
  const TrainingSettings training = training_with(Optimizer::adam);
  CHECK(worst_error(training, [&](Parameter& p, double g, const UpdateStep& step) {
          adam(p, g + training.weight_decay * p.w, step, training);
        }) <= kTolerance);
}

TEST_CASE("adamw shrinks matrices only (no bias, norm or embedding), apart from the gradient") {
  const TrainingSettings training = training_with(Optimizer::adamw);
  CHECK(worst_error(training, [&](Parameter& p, double g, const UpdateStep& step) {
          if (p.role == ParameterRole::matrix) p.w -= step.learning_rate * training.weight_decay * p.w;
          adam(p, g, step, training);
        }) <= kTolerance);
}

TEST_CASE("gradients longer than the clip are scaled to it") {
  TrainingSettings training = training_with(Optimizer::sgd);
  training.gradient_clip = 0.01;
  CHECK(worst_error(training, [&](Parameter& p, double g, const UpdateStep& step) {
          p.w -= step.learning_rate * (g + training.weight_decay * p.w);
        }) <= kTolerance);
}

TEST_CASE("gradients shorter than the clip are left alone") {
  TrainingSettings training = training_with(Optimizer::sgd);
  training.gradient_clip = 1e6;
  CHECK(worst_error(training, [&](Parameter& p, double g, const UpdateStep& step) {
          p.w -= step.learning_rate * (g + training.weight_decay * p.w);
        }) <= kTolerance);
}

TEST_CASE("a clipped update leaves the gradients that are read back unclipped") {
  const GradientProblem problem = make_gradient_problem({4, 5, 3}, OutputActivation::linear, Loss::cross_entropy, 6, 0);
  NetworkSettings settings = problem.settings();
  settings.training.gradient_clip = 0.01;
  const auto network = neuron::make_neuron_network<double>(settings);
  network->write(Content::parameters, problem.parameters);
  network->compute_gradients(problem.batch());
  std::vector<double> before(problem.parameters.size());
  network->read(Content::gradients, before);
  network->apply_update({.learning_rate = 0.1});
  std::vector<double> after(before.size());
  network->read(Content::gradients, after);
  CHECK(after == before);
}

}  // namespace
}  // namespace stepbench::testing
