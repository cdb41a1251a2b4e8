// The backward pass against finite differences of the forward pass, tensor by tensor.
#include <catch2/catch.hpp>
#include <vector>

#include "core/models/parameters.hpp"
#include "tests/support/finite_differences.hpp"
#include "tests/support/gradient_problem.hpp"
#include "tests/support/relative_error.hpp"
#include "variants/neuron/neuron.hpp"

namespace stepbench::testing {
namespace {

using testing::finite_difference_gradient;
using testing::GradientProblem;
using testing::make_gradient_problem;
using testing::relative_l2_error;

// Far above the difference quotients' own error (about 1e-12), far below any error of formula.
constexpr double kTolerance = 1e-8;

void check_every_tensor(OutputActivation output, Loss loss) {
  const GradientProblem problem = make_gradient_problem({6, 7, 5, 4}, output, loss, 4);
  const auto network = neuron::make_neuron_network<double>(problem.settings());
  const std::vector<double> expected =
      finite_difference_gradient(*network, problem.model, problem.parameters, problem.batch());
  network->compute_gradients(problem.batch());
  std::vector<double> gradients(expected.size());
  network->read(Content::gradients, gradients);
  for (const ParameterTensor& tensor : parameter_layout(problem.model).tensors) {
    const auto expected_tensor = tensor_of(std::span(expected), tensor);
    INFO(tensor.name);
    CHECK(relative_l2_error(tensor_of(std::span(gradients), tensor), expected_tensor) <= kTolerance);
    CHECK(relative_l2_error(std::vector<double>(expected_tensor.size()), expected_tensor) > kTolerance);
  }
}

TEST_CASE("gradients of squared error behind a linear output are the difference quotients") {
  check_every_tensor(OutputActivation::linear, Loss::squared_error);
}

TEST_CASE("gradients of squared error behind a ReLU output are the difference quotients") {
  check_every_tensor(OutputActivation::relu, Loss::squared_error);
}

TEST_CASE("gradients of cross-entropy behind a linear output are the difference quotients") {
  check_every_tensor(OutputActivation::linear, Loss::cross_entropy);
}

TEST_CASE("gradients of cross-entropy behind a ReLU output are the difference quotients") {
  check_every_tensor(OutputActivation::relu, Loss::cross_entropy);
}

TEST_CASE("gradients of stablemax's cross-entropy are the difference quotients") {
  check_every_tensor(OutputActivation::linear, Loss::stablemax_cross_entropy);
}

}  // namespace
}  // namespace stepbench::testing
