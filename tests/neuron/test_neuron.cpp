// One neuron, by numbers that can be checked in the head. All are dyadic, so both precisions are exact.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "variants/neuron/neuron.hpp"

namespace stepbench::testing {
namespace {

template <typename Scalar>
neuron::Neuron<Scalar> make_neuron(const std::vector<Scalar>& weights, Scalar bias, neuron::Activation activation) {
  constexpr std::int64_t kMaxBatch = 4;
  neuron::Neuron<Scalar> neuron(static_cast<std::int64_t>(weights.size()), activation, Optimizer::sgd, kMaxBatch);
  neuron.weights().values = weights;
  neuron.bias().values = {bias};
  return neuron;
}

template <typename Scalar>
neuron::Rows<const Scalar> rows_of(const std::vector<Scalar>& values, std::int64_t width) {
  return {values.data(), static_cast<std::int64_t>(values.size()) / width, width};
}

/// The neuron's activations for a batch of rows as wide as it has weights.
template <typename Scalar>
std::vector<Scalar> forward(neuron::Neuron<Scalar>& neuron, const std::vector<Scalar>& input) {
  const neuron::Rows<const Scalar> rows = rows_of(input, static_cast<std::int64_t>(neuron.weights().values.size()));
  std::vector<Scalar> output(static_cast<std::size_t>(rows.count));
  neuron.forward(rows, {output.data(), rows.count, 1}, 0);
  return output;
}

TEMPLATE_TEST_CASE("a ReLU neuron gives its weighted sum where that is positive and 0 elsewhere", "", float, double) {
  auto neuron = make_neuron<TestType>({1, -2}, TestType{0.5}, neuron::Activation::relu);
  CHECK(forward<TestType>(neuron, {3, 1, 0, 1}) == std::vector<TestType>{1.5, 0});
}

TEMPLATE_TEST_CASE("a linear neuron gives its weighted sum", "", float, double) {
  auto neuron = make_neuron<TestType>({1, -2}, TestType{0.5}, neuron::Activation::linear);
  CHECK(forward<TestType>(neuron, {3, 1, 0, 1}) == std::vector<TestType>{1.5, -1.5});
}

TEST_CASE("a ReLU neuron passes NaN on") {
  auto neuron = make_neuron<double>({1}, 0, neuron::Activation::relu);
  CHECK(std::isnan(forward<double>(neuron, {std::numeric_limits<double>::quiet_NaN()})[0]));
}

TEST_CASE("a neuron writes its own column of the layer's output only") {
  auto neuron = make_neuron<double>({2}, 0, neuron::Activation::linear);
  const std::vector<double> input = {1, 3};
  std::vector<double> output = {7, 7, 7, 7, 7, 7};
  neuron.forward(rows_of(input, 1), {output.data(), 2, 3}, 1);
  CHECK(output == std::vector<double>{7, 2, 7, 7, 6, 7});
}

TEMPLATE_TEST_CASE("a neuron's gradients sum dC/dz times the input over the samples that it is active for", "", float,
                   double) {
  auto neuron = make_neuron<TestType>({1, -2}, TestType{0.5}, neuron::Activation::relu);
  const std::vector<TestType> input = {3, 1, 0, 1, 2, 1};  // z = 1.5, -1.5, 0.5
  forward(neuron, input);
  const std::vector<TestType> output_gradient = {2, 8, -1};
  neuron.compute_gradients(rows_of(output_gradient, 1), 0);
  CHECK(neuron.weights().gradients == std::vector<TestType>{4, 1});
  CHECK(neuron.bias().gradients == std::vector<TestType>{1});
}

TEST_CASE("a ReLU neuron at exactly 0 has no gradient") {
  auto neuron = make_neuron<double>({1, -1}, 0, neuron::Activation::relu);
  const std::vector<double> input = {1, 1};
  forward(neuron, input);
  const std::vector<double> output_gradient = {1};
  neuron.compute_gradients(rows_of(output_gradient, 1), 0);
  CHECK(neuron.bias().gradients == std::vector<double>{0});
}

TEST_CASE("a neuron's gradients are those of the last batch alone") {
  auto neuron = make_neuron<double>({1}, 0, neuron::Activation::linear);
  const std::vector<double> input = {2};
  const std::vector<double> output_gradient = {3};
  for (int repeat = 0; repeat < 2; ++repeat) {
    forward(neuron, input);
    neuron.compute_gradients(rows_of(output_gradient, 1), 0);
  }
  CHECK(neuron.weights().gradients == std::vector<double>{6});
  CHECK(neuron.bias().gradients == std::vector<double>{3});
}

TEST_CASE("a neuron adds its weights times dC/dz to the input gradient") {
  auto neuron = make_neuron<double>({1, -2}, 0, neuron::Activation::linear);
  const std::vector<double> input = {1, 1, 1, 1};
  forward(neuron, input);
  const std::vector<double> output_gradient = {3, -1};
  neuron.compute_gradients(rows_of(output_gradient, 1), 0);
  std::vector<double> input_gradient = {10, 10, 10, 10};
  neuron.add_input_gradient({input_gradient.data(), 2, 2});
  CHECK(input_gradient == std::vector<double>{13, 4, 9, 12});
}

TEST_CASE("a neuron that has updated passes the gradient down through its new weights") {
  auto neuron = make_neuron<double>({1, -2}, 0, neuron::Activation::linear);
  const std::vector<double> input = {4, 2};
  forward(neuron, input);
  const std::vector<double> output_gradient = {1};
  neuron.compute_gradients(rows_of(output_gradient, 1), 0);
  neuron::UpdateRule rule;
  rule.step.learning_rate = 0.5;
  neuron.update(rule);
  std::vector<double> input_gradient = {0, 0};
  neuron.add_input_gradient({input_gradient.data(), 1, 2});
  CHECK(neuron.bias().values == std::vector<double>{-0.5});
  CHECK(input_gradient == std::vector<double>{-1, -3});
}

}  // namespace
}  // namespace stepbench::testing
