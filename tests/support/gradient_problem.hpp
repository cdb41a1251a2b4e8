// A small random MLP with a batch, in float64, on which gradients can be checked by finite differences: all of its
// ReLUs are well away from their kink, where a difference quotient would straddle two slopes.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include "core/batch.hpp"
#include "core/models/parameters.hpp"
#include "core/network.hpp"
#include "core/random.hpp"

namespace stepbench::testing {

struct GradientProblem {
  ModelSettings model;
  std::vector<double> parameters;  // canonical; biases are drawn too
  std::int64_t size = 0;           // B
  std::vector<double> features;    // (B, F)
  std::vector<std::int32_t> labels;
  std::vector<double> targets;  // (B, K); given whatever the loss, which takes what it needs

  [[nodiscard]] Batch<double> batch() const {
    return {.size = size,
            .counted = size,
            .features = features,
            .labels = labels,
            .targets = targets,
            .tokens = {},
            .target_tokens = {}};
  }
  [[nodiscard]] NetworkSettings settings() const {
    NetworkSettings settings;
    settings.model = model;
    settings.max_batch = size;
    return settings;
  }
};

/// The smallest |z| of any unit with a ReLU, by a forward pass of its own. Infinity where no unit has one.
inline double smallest_relu_input(const GradientProblem& problem) {
  double smallest = std::numeric_limits<double>::infinity();
  const ParameterLayout layout = parameter_layout(problem.model);
  const std::vector<std::int64_t>& sizes = problem.model.layers;
  for (std::int64_t sample = 0; sample < problem.size; ++sample) {
    const auto first = problem.features.begin() + sample * sizes.front();
    std::vector<double> activations(first, first + sizes.front());
    for (std::size_t layer = 0; layer + 1 < sizes.size(); ++layer) {
      const auto weight = tensor_of(std::span(problem.parameters), layout.tensors[2 * layer]);
      const auto bias = tensor_of(std::span(problem.parameters), layout.tensors[2 * layer + 1]);
      const bool has_relu = layer + 2 < sizes.size() || problem.model.output == OutputActivation::relu;
      std::vector<double> outputs(bias.begin(), bias.end());
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        for (std::size_t j = 0; j < activations.size(); ++j) {
          outputs[i] += weight[i * activations.size() + j] * activations[j];
        }
        if (!has_relu) continue;
        smallest = std::fmin(smallest, std::fabs(outputs[i]));
        outputs[i] = std::fmax(outputs[i], 0);
      }
      activations = outputs;
    }
  }
  return smallest;
}

/// Drawn from the first seed (counting from 1) whose network keeps every ReLU's input at least `margin` from 0.
/// `layers` and `batch_size` must be small, or there is no such seed: std::runtime_error.
inline GradientProblem make_gradient_problem(const std::vector<std::int64_t>& layers, OutputActivation output,
                                             Loss loss, std::int64_t batch_size, double margin = 0.02) {
  constexpr std::uint64_t kSeeds = 20000;
  GradientProblem problem;
  problem.model.layers = layers;
  problem.model.output = output;
  problem.model.loss = loss;
  problem.size = batch_size;
  problem.parameters.resize(static_cast<std::size_t>(parameter_layout(problem.model).size));
  problem.features.resize(static_cast<std::size_t>(batch_size * layers.front()));
  problem.labels.resize(static_cast<std::size_t>(batch_size));
  problem.targets.resize(static_cast<std::size_t>(batch_size * layers.back()));
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    RandomStream stream(seed, Purpose::generated_data);
    for (double& parameter : problem.parameters) parameter = 0.6 * stream.normal();
    for (double& feature : problem.features) feature = 2 * stream.uniform() - 1;
    for (std::int32_t& label : problem.labels) {
      label = static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(layers.back())));
    }
    for (double& target : problem.targets) target = stream.normal();
    if (smallest_relu_input(problem) >= margin) return problem;
  }
  throw std::runtime_error("no seed keeps every ReLU away from its kink: take a smaller network, batch or margin");
}

}  // namespace stepbench::testing
