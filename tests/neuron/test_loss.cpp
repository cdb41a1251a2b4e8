// The two losses and the count of hits, by hand.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "variants/neuron/loss.hpp"

namespace stepbench::testing {
namespace {

struct LossAndGradient {
  double loss;
  std::vector<double> gradient;
};

ModelSettings model_with(Loss loss, std::optional<Precision> softmax = {}) {
  ModelSettings model;
  model.loss = loss;
  model.softmax = softmax;
  return model;
}

/// The values as `count` rows.
neuron::Rows<const double> rows_of(const std::vector<double>& values, std::size_t count) {
  return {values.data(), static_cast<std::int64_t>(count), static_cast<std::int64_t>(values.size() / count)};
}

LossAndGradient cross_entropy(const std::vector<double>& outputs, const std::vector<std::int32_t>& labels,
                              const ModelSettings& model = {}) {
  Batch<double> batch;
  batch.size = batch.counted = static_cast<std::int64_t>(labels.size());
  batch.labels = labels;
  std::vector<double> gradient(outputs.size());
  const double loss =
      neuron::loss_and_gradient<double>(model, rows_of(outputs, labels.size()), batch, std::span<double>(gradient));
  return {loss, gradient};
}

std::int64_t hits(const std::vector<double>& outputs, const std::vector<std::int32_t>& labels) {
  Batch<double> batch;
  batch.size = batch.counted = static_cast<std::int64_t>(labels.size());
  batch.labels = labels;
  return neuron::count_correct<double>(rows_of(outputs, labels.size()), batch);
}

TEST_CASE("squared error is recorded as a mean over all elements, and its gradient is 2 (a - y) / B") {
  const std::vector<double> outputs = {1, 2, 3, 4};
  const std::vector<double> targets = {0, 0, 3, 8};
  Batch<double> batch;
  batch.size = batch.counted = 2;
  batch.targets = targets;
  std::vector<double> gradient(4);
  CHECK(neuron::loss_and_gradient<double>(model_with(Loss::squared_error), rows_of(outputs, 2), batch,
                                          std::span<double>(gradient)) == 21.0 / 4);
  CHECK(gradient == std::vector<double>{1, 2, 0, -4});
}

TEST_CASE("cross-entropy is the mean of -log softmax at the label") {
  // softmax(0, log 3) = (1/4, 3/4)
  const double log3 = std::log(3.0);
  CHECK(cross_entropy({0, log3, 0, log3}, {0, 1}).loss ==
        Approx((std::log(4.0) + std::log(4.0 / 3)) / 2).epsilon(1e-14));
}

TEST_CASE("the gradient of cross-entropy is (softmax - onehot) / B") {
  const double log3 = std::log(3.0);
  const std::vector<double> gradient = cross_entropy({0, log3, 0, log3}, {0, 1}).gradient;
  const std::vector<double> expected = {-0.375, 0.375, 0.125, -0.125};
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(gradient[i] == Approx(expected[i]).epsilon(1e-14));
}

TEST_CASE("cross-entropy of outputs that exp() cannot take is finite and right") {
  const LossAndGradient wrong = cross_entropy({5000, -5000}, {1});
  CHECK(wrong.loss == 10000);
  CHECK(wrong.gradient == std::vector<double>{1, -1});
  CHECK(cross_entropy({-5000, -5000}, {0}).loss == Approx(std::log(2.0)).epsilon(1e-12));
}

TEST_CASE("cross-entropy of an output that is NaN is NaN") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(cross_entropy({1, nan, 2}, {0}).loss));
  CHECK(std::isnan(cross_entropy({nan, 1, 2}, {2}).loss));
}

TEST_CASE("a sample is correct when its largest output is its label's") {
  CHECK(hits({0, 2, 1, 3, 2, 1}, {1, 2}) == 1);
}

TEST_CASE("of equal outputs the first one counts as the largest") {
  CHECK(hits({0, 0, 0}, {0}) == 1);
  CHECK(hits({0, 5, 5}, {2}) == 0);
}

TEST_CASE("a batch without labels has no hits") {
  const std::vector<double> outputs = {1, 0};
  Batch<double> batch;
  batch.size = batch.counted = 1;
  CHECK(neuron::count_correct<double>(rows_of(outputs, 1), batch) == 0);
}

TEST_CASE("stablemax's cross-entropy is the mean of -log stablemax at the label, and its gradient follows") {
  // s(1) = 2, s(-1) = 1/2, s(0) = 1; s' = 1, 1/4, 1
  const std::vector<double> outputs = {1, -1, 0, 1, -1, 0};
  const LossAndGradient found = cross_entropy(outputs, {0, 1}, model_with(Loss::stablemax_cross_entropy));
  CHECK(found.loss == Approx((std::log(3.5 / 2) + std::log(3.5 / 0.5)) / 2).epsilon(1e-14));
  const std::vector<double> expected = {(1 / 3.5 - 0.5) / 2, 0.25 / 3.5 / 2,         1 / 3.5 / 2,
                                        1 / 3.5 / 2,         (0.25 / 3.5 - 0.5) / 2, 1 / 3.5 / 2};
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(found.gradient[i] == Approx(expected[i]).epsilon(1e-14));
}

TEST_CASE("a float32 softmax swallows what a float64 one and stablemax still learn from") {
  const auto gradient_at_label = [](const ModelSettings& model) {
    const std::vector<float> outputs = {20, 0, 0};
    const std::vector<std::int32_t> labels = {0};
    Batch<float> batch;
    batch.size = batch.counted = 1;
    batch.labels = labels;
    std::vector<float> gradient(3);
    (void)neuron::loss_and_gradient<float>(model, {outputs.data(), 1, 3}, batch, std::span<float>(gradient));
    return gradient[0];
  };
  CHECK(gradient_at_label(model_with(Loss::cross_entropy, Precision::float32)) == 0);
  CHECK(gradient_at_label(model_with(Loss::cross_entropy, Precision::float64)) ==
        Approx(-2 * std::exp(-20.0)).epsilon(1e-6));
  CHECK(gradient_at_label(model_with(Loss::stablemax_cross_entropy)) == Approx(1 / 23.0 - 1 / 21.0).epsilon(1e-5));
}

TEST_CASE("a token that does not count has neither loss nor gradient nor hit") {
  const double log3 = std::log(3.0);
  const std::vector<double> outputs = {0, log3, 5, 1, 0, log3};
  const std::vector<std::int32_t> targets = {1, kNotCounted, 1};
  Batch<double> batch;
  batch.size = 1;
  batch.counted = 2;
  batch.target_tokens = targets;
  std::vector<double> gradient(6, 9);
  const neuron::Rows<const double> rows = rows_of(outputs, 3);
  CHECK(neuron::loss_and_gradient<double>(ModelSettings{}, rows, batch, std::span<double>(gradient)) ==
        Approx(std::log(4.0 / 3)).epsilon(1e-14));
  const std::vector<double> expected = {0.125, -0.125, 0, 0, 0.125, -0.125};
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(gradient[i] == Approx(expected[i]).epsilon(1e-14));
  CHECK(neuron::count_correct<double>(rows, batch) == 2);
}

}  // namespace
}  // namespace stepbench::testing
