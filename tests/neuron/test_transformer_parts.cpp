// The objects that a transformer has and an MLP has not, by hand.
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "variants/neuron/activation.hpp"
#include "variants/neuron/attention.hpp"
#include "variants/neuron/embedding.hpp"
#include "variants/neuron/layer_norm.hpp"

namespace stepbench::testing {
namespace {

using Values = std::vector<double>;

neuron::Rows<const double> rows_of(const Values& values, std::int64_t width) {
  return {values.data(), std::ssize(values) / width, width};
}
neuron::Rows<double> rows_of(Values& values, std::int64_t width) {
  return {values.data(), std::ssize(values) / width, width};
}

/// Each row by itself, all of its columns.
template <typename T>
neuron::Columns<T> whole(neuron::Rows<T> rows) {
  return neuron::columns_of(rows, 0, rows.count, 0, rows.width);
}

void check_close(std::span<const double> actual, const Values& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("element " << i);
    CHECK(actual[i] == Approx(expected[i]).epsilon(1e-14).margin(1e-15));
  }
}

TEST_CASE("gelu is its tanh form") {
  CHECK(neuron::activate(neuron::Activation::gelu, 0.0) == 0);
  CHECK(neuron::activate(neuron::Activation::gelu, 1.0) ==
        Approx(0.8411919906082768).epsilon(1e-15));  // the erf form: 0.8413447
  CHECK(neuron::activate(neuron::Activation::gelu, -1.0) == Approx(-0.15880800939172324).epsilon(1e-15));
}

TEST_CASE("the derivative of gelu is that of its tanh form") {
  CHECK(neuron::activation_derivative(neuron::Activation::gelu, 0.0) == 0.5);
  CHECK(neuron::activation_derivative(neuron::Activation::gelu, 1.0) ==
        Approx(1.0829640838457826).epsilon(1e-15));  // erf: 1.0833155
  CHECK(neuron::activation_derivative(neuron::Activation::gelu, -1.0) == Approx(-0.08296408384578255).epsilon(1e-14));
}

TEST_CASE("a layer norm's rows have mean 0 and biased variance 1 before weight and bias") {
  neuron::LayerNorm<double> norm(2, Optimizer::sgd, 2);
  norm.weight().values = {2, 1};
  norm.bias().values = {0, 1};
  const Values input = {1, 3, 14, 10};  // means 2 and 12, variances 1 and 4
  const double first = 1 / std::sqrt(1 + 1e-5), second = 2 / std::sqrt(4 + 1e-5);
  check_close(norm.forward(rows_of(input, 2)).all(), {-2 * first, 1 + first, 2 * second, 1 - second});
}

TEST_CASE("a layer norm gives a constant row its bias") {
  neuron::LayerNorm<double> norm(2, Optimizer::sgd, 1);
  norm.weight().values = {2, 1};
  norm.bias().values = {3, 4};
  const Values input = {7, 7};
  check_close(norm.forward(rows_of(input, 2)).all(), {3, 4});
}

TEST_CASE("a layer norm's gradients are those worked out by hand") {
  neuron::LayerNorm<double> norm(2, Optimizer::sgd, 1);
  norm.weight().values = {2, 1};
  const Values input = {1, 3}, output_gradient = {1, 0};
  const double r = 1 / std::sqrt(1 + 1e-5);  // x^ = (-r, r), g = (2, 0), mean(g) = 1, mean(g x^) = -r
  norm.forward(rows_of(input, 2));
  norm.compute_gradients(rows_of(output_gradient, 2));
  check_close(norm.weight().gradients, {-r, 0});
  check_close(norm.bias().gradients, {1, 0});
  check_close(norm.compute_input_gradient(rows_of(output_gradient, 2)).all(), {(1 - r * r) * r, (r * r - 1) * r});
}

TEST_CASE("attention weighs the values by the softmax of the scores over what is seen") {
  neuron::AttentionHead<double> head(2, 1);
  const Values queries = {5, std::log(3.0)}, keys = {0, 1}, values = {4, 8};
  Values output(2, -1);
  head.forward(whole(rows_of(queries, 1)), whole(rows_of(keys, 1)), whole(rows_of(values, 1)),
               whole(rows_of(output, 1)));
  check_close(output, {4, 7});  // alone; (1/4, 3/4)
}

TEST_CASE("attention scores are divided by the root of the head's width") {
  neuron::AttentionHead<double> head(2, 4);
  const Values queries = {0, 0, 0, 0, 2 * std::log(3.0), 0, 0, 0}, keys = {0, 0, 0, 0, 1, 9, 9, 9};
  const Values values = {4, 0, 0, 1, 8, 0, 0, 1};
  Values output(8);
  head.forward(whole(rows_of(queries, 4)), whole(rows_of(keys, 4)), whole(rows_of(values, 4)),
               whole(rows_of(output, 4)));
  check_close(output, {4, 0, 0, 1, 7, 0, 0, 1});
}

TEST_CASE("attention with equal scores is the mean of the values so far") {
  neuron::AttentionHead<double> head(4, 1);
  const Values queries(4, 2.0), keys(4, 3.0), values = {1, 3, 8, 0};
  Values output(4);
  head.forward(whole(rows_of(queries, 1)), whole(rows_of(keys, 1)), whole(rows_of(values, 1)),
               whole(rows_of(output, 1)));
  check_close(output, {1, 2, 4, 3});
}

TEST_CASE("attention with scores that exp() cannot take is finite and right") {
  neuron::AttentionHead<double> head(2, 1);
  const Values queries = {1, 100}, keys = {10, 50}, values = {4, 8};
  Values output(2);
  head.forward(whole(rows_of(queries, 1)), whole(rows_of(keys, 1)), whole(rows_of(values, 1)),
               whole(rows_of(output, 1)));
  CHECK(output == Values{4, 8});
}

TEST_CASE("attention's input gradients are those worked out by hand") {
  neuron::AttentionHead<double> head(2, 1);
  const double log3 = std::log(3.0);
  const Values queries = {5, log3}, keys = {0, 1}, values = {4, 8}, output_gradient = {0, 1};
  Values output(2), query_gradients(2, 9), key_gradients(2, 9), value_gradients(2, 9);
  head.forward(whole(rows_of(queries, 1)), whole(rows_of(keys, 1)), whole(rows_of(values, 1)),
               whole(rows_of(output, 1)));
  head.compute_input_gradients(whole(rows_of(output_gradient, 1)), whole(rows_of(query_gradients, 1)),
                               whole(rows_of(key_gradients, 1)), whole(rows_of(value_gradients, 1)));
  // dC/dw = (4, 8), their mean by w is 7, so dC/ds = (1/4 (4 - 7), 3/4 (8 - 7)).
  check_close(query_gradients, {0, 0.75});
  check_close(key_gradients, {-0.75 * log3, 0.75 * log3});
  check_close(value_gradients, {0.25, 0.75});
}

TEST_CASE("attention writes its own columns only") {
  neuron::AttentionHead<double> head(2, 1);
  const Values queries(2, 1.0), keys(2, 1.0), values = {1, 3};
  Values output = {7, 7, 7, 7, 7, 7};
  head.forward(whole(rows_of(queries, 1)), whole(rows_of(keys, 1)), whole(rows_of(values, 1)),
               neuron::columns_of(rows_of(output, 3), 0, 2, 1, 1));
  CHECK(output == Values{7, 1, 7, 7, 2, 7});
}

TEST_CASE("sinusoidal positions are the documented waves") {
  const neuron::PositionEmbedding<double> positions(3, 4, PositionEncoding::sinusoidal, Optimizer::adam);
  check_close(std::span(positions.table().values).subspan(8),
              {std::sin(2.0), std::cos(2.0), std::sin(0.02), std::cos(0.02)});
  check_close(std::span(positions.table().values).first(4), {0, 1, 0, 1});
}

TEST_CASE("a token's vector gathers the gradients of all its places, on top of what is there") {
  neuron::TokenEmbedding<double> embedding(3, 2, Optimizer::sgd);
  embedding.table().gradients = {1, 1, 0, 0, 0, 0};
  const std::array<std::int32_t, 3> tokens = {2, 0, 2};
  embedding.add_gradients(tokens, rows_of(Values{1, 2, 3, 4, 5, 6}, 2));
  CHECK(embedding.table().gradients == Values{4, 5, 0, 0, 6, 8});
}

TEST_CASE("a position's vector is added in every sequence, and gathers the gradients of all of them") {
  neuron::PositionEmbedding<double> positions(2, 1, PositionEncoding::learned, Optimizer::sgd);
  positions.table().values = {10, 20};
  Values rows = {1, 2, 3, 4};
  positions.add_to(rows_of(rows, 1));
  positions.compute_gradients(rows_of(Values{1, 2, 3, 4}, 1));
  CHECK(rows == Values{11, 22, 13, 24});
  CHECK(positions.table().gradients == Values{4, 6});
}

}  // namespace
}  // namespace stepbench::testing
