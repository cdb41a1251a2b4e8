// Canonical parameters: names, places, initial values, and the count of floating-point operations.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/models/parameters.hpp"

namespace stepbench::testing {
namespace {

ModelSettings mlp(std::vector<std::int64_t> layers, Initialisation init = Initialisation::he) {
  ModelSettings model;
  model.layers = std::move(layers);
  model.init = init;
  return model;
}

/// First weight matrix of a 300-200-2 network: 60,000 draws.
std::vector<double> first_weights(Initialisation init) {
  const auto parameters = initial_parameters<double>(mlp({300, 200, 2}, init), 1);
  return {parameters.begin(), parameters.begin() + 300 * 200};
}
double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}
double moment(const std::vector<double>& values, int power) {
  double sum = 0;
  for (const double value : values) sum += std::pow(value, power);
  return sum / static_cast<double>(values.size());
}
/// Five standard errors: of the mean 0.0204 standard deviations, of a normal's variance 2.9 %.
void check_normal(const std::vector<double>& values, double deviation) {
  CHECK(std::abs(mean(values)) < 0.0204 * deviation);
  CHECK(moment(values, 2) == Approx(deviation * deviation).epsilon(0.029));
  CHECK(moment(values, 4) == Approx(3 * std::pow(deviation, 4)).epsilon(0.07));  // tells a normal from a uniform, 1.8
}

TEST_CASE("the tensors of an MLP have canonical names, shapes and roles") {
  const ParameterLayout layout = parameter_layout(mlp({4, 3, 2}));
  REQUIRE(layout.tensors.size() == 4);
  CHECK(layout.tensors[0].name == "layers.0.weight");
  CHECK(layout.tensors[1].name == "layers.0.bias");
  CHECK(layout.tensors[2].name == "layers.1.weight");
  CHECK(layout.tensors[3].name == "layers.1.bias");
  CHECK(layout.tensors[0].shape == std::vector<std::int64_t>{3, 4});
  CHECK(layout.tensors[1].shape == std::vector<std::int64_t>{3});
  CHECK(layout.tensors[2].shape == std::vector<std::int64_t>{2, 3});
  CHECK(layout.tensors[3].shape == std::vector<std::int64_t>{2});
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(layout.tensors[i].role == (i % 2 == 0 ? ParameterRole::matrix : ParameterRole::bias));
  }
}

TEST_CASE("the tensors of an MLP follow each other without gaps") {
  const ParameterLayout layout = parameter_layout(mlp({4, 3, 2}));
  std::int64_t offset = 0;
  for (const ParameterTensor& tensor : layout.tensors) {
    CAPTURE(tensor.name);
    CHECK(tensor.offset == offset);
    offset += tensor.size;
  }
  CHECK(layout.size == offset);
  CHECK(layout.size == 12 + 3 + 6 + 2);
}

TEST_CASE("tensor_of is the tensor's part of the flat buffer") {
  const ParameterLayout layout = parameter_layout(mlp({4, 3, 2}));
  std::vector<float> flat(static_cast<std::size_t>(layout.size));
  const std::span<float> part = tensor_of(std::span(flat), layout.tensors[2]);
  CHECK(part.data() == flat.data() + 15);
  CHECK(part.size() == 6);
}

TEST_CASE("original initial weights are N(0, 0.01^2)") { check_normal(first_weights(Initialisation::original), 0.01); }

TEST_CASE("he initial weights are N(0, 2 / in)") {
  check_normal(first_weights(Initialisation::he), std::sqrt(2.0 / 300));
}

TEST_CASE("xavier initial weights are uniform within sqrt(6 / (in + out))") {
  const auto weights = first_weights(Initialisation::xavier);
  const double bound = std::sqrt(6.0 / 500);
  const auto [low, high] = std::minmax_element(weights.begin(), weights.end());
  CHECK(*low >= -bound);
  CHECK(*high < bound);
  CHECK(*low < -0.99 * bound);
  CHECK(*high > 0.99 * bound);
  CHECK(std::abs(mean(weights)) < 0.0204 * bound / std::sqrt(3.0));
  CHECK(moment(weights, 2) == Approx(bound * bound / 3).epsilon(0.02));
}

TEST_CASE("initial biases are zero under every scheme") {
  for (const auto init : {Initialisation::original, Initialisation::he, Initialisation::xavier}) {
    const ModelSettings model = mlp({5, 4, 3}, init);
    auto parameters = initial_parameters<double>(model, 1);
    for (const ParameterTensor& tensor : parameter_layout(model).tensors) {
      const auto values = tensor_of(std::span(parameters), tensor);
      const auto zeros = std::count(values.begin(), values.end(), 0.0);
      CAPTURE(tensor.name);
      CHECK(zeros == (tensor.role == ParameterRole::bias ? tensor.size : 0));
    }
  }
}

TEST_CASE("float32 initial parameters are the rounded float64 ones") {
  for (const auto init : {Initialisation::original, Initialisation::he, Initialisation::xavier}) {
    const auto singles = initial_parameters<float>(mlp({30, 20, 10}, init), 5);
    const auto doubles = initial_parameters<double>(mlp({30, 20, 10}, init), 5);
    REQUIRE(singles.size() == doubles.size());
    std::size_t different = 0;
    for (std::size_t i = 0; i < singles.size(); ++i) different += singles[i] != static_cast<float>(doubles[i]);
    CHECK(different == 0);
  }
}

TEST_CASE("initial parameters depend on the seed alone") {
  const ModelSettings model = mlp({30, 20, 10});
  CHECK(initial_parameters<double>(model, 5) == initial_parameters<double>(model, 5));
  CHECK(initial_parameters<double>(model, 5) != initial_parameters<double>(model, 6));
}

TEST_CASE("layers of one shape start from different weights") {
  auto parameters = initial_parameters<double>(mlp({8, 8, 8}), 1);
  const auto layout = parameter_layout(mlp({8, 8, 8}));
  const auto first = tensor_of(std::span(parameters), layout.tensors[0]);
  const auto second = tensor_of(std::span(parameters), layout.tensors[2]);
  CHECK_FALSE(std::equal(first.begin(), first.end(), second.begin()));
}

TEST_CASE("a step's floating-point operations are 2mnk per matrix product, without the first input gradient") {
  // 32 x (784 x 512): forward and weight gradient; 512 x 256 and 256 x 10: input gradient as well.
  CHECK(flops_per_step(mlp({784, 512, 256, 10}), 32) == 51380224.0 + 25165824.0 + 491520.0);
}

}  // namespace
}  // namespace stepbench::testing
