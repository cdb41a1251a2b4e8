// Gradients by finite differences: the loss is the only thing asked of the code under test, so an error in its backward
// pass cannot hide in them. Central differences with steps h and h/2, Richardson-extrapolated: the error is O(h^4).
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "core/network.hpp"

namespace stepbench::testing {

/// Balances the two errors in float64: h^4 of the extrapolation and 1e-16 / h of cancellation are both near 1e-12.
inline constexpr double kDifferenceStep = 1e-3;

using ScalarFunction = std::function<double(std::span<const double>)>;

/// df/dx_i at `x`, for every i.
inline std::vector<double> finite_difference_gradient(const ScalarFunction& f, std::span<const double> x,
                                                      double step = kDifferenceStep) {
  std::vector<double> point(x.begin(), x.end());
  std::vector<double> gradient(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto central_difference = [&](double h) {
      point[i] = x[i] + h;
      const double above = f(point);
      point[i] = x[i] - h;
      const double below = f(point);
      point[i] = x[i];
      return (above - below) / (2 * h);
    };
    gradient[i] = (4 * central_difference(step / 2) - central_difference(step)) / 3;
  }
  return gradient;
}

/// What the recorded loss is to be multiplied by to give the optimised objective (enum Loss in core/settings.hpp).
inline double objective_per_recorded_loss(const ModelSettings& model) {
  return model.loss == Loss::squared_error ? static_cast<double>(model.layers.back()) : 1;
}

/// The gradient of the network's objective on `batch` by all parameters, in canonical order, from its evaluate() alone.
/// Leaves the network with `parameters` and a fresh optimiser.
inline std::vector<double> finite_difference_gradient(Network<double>& network, const ModelSettings& model,
                                                      std::span<const double> parameters, const Batch<double>& batch,
                                                      double step = kDifferenceStep) {
  const double scale = objective_per_recorded_loss(model);
  const ScalarFunction objective = [&](std::span<const double> point) {
    network.write(Content::parameters, point);
    return scale * network.evaluate(batch).loss;
  };
  std::vector<double> gradient = finite_difference_gradient(objective, parameters, step);
  network.write(Content::parameters, parameters);
  return gradient;
}

}  // namespace stepbench::testing
