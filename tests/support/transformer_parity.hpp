// Trains a float64 backend exactly as the golden transformers were trained in PyTorch, and says how far it strays.
// Links stepbench_hdf5.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/models/parameters.hpp"
#include "core/network.hpp"
#include "tests/support/golden_transformer.hpp"
#include "tests/support/relative_error.hpp"

namespace stepbench::testing {

/// All relative; sums taken in another order are about 1e-15 off. The losses of later steps and the gradients have room
/// for what the steps before, or cancellation, make of that.
inline constexpr double kFirstLossTolerance = 1e-12;
inline constexpr double kGradientTolerance = 1e-9;  // L2, per tensor
inline constexpr double kLossesTolerance = 1e-9;    // worst step
/// L2, per tensor. Looser: the gradient of the keys' bias is zero but for rounding, which Adam divides by an epsilon of
/// 1e-8. PyTorch with another BLAS strays from itself by 1e-10 there. A wrong decay or beta is 1e-3 off.
inline constexpr double kFinalParametersTolerance = 1e-8;

using TransformerFactory = std::function<std::unique_ptr<Network<double>>(const NetworkSettings&)>;

/// NaN where anything is NaN: compare with `error <= tolerance`.
struct TransformerErrors {
  double first_loss = 0;  // relative; the larger of evaluate's and compute_gradients'
  double gradient = 0;    // worst relative L2 error of a tensor, first batch
  std::string worst_gradient;
  double losses = 0;  // worst relative error of a step's loss
  std::int64_t worst_step = 0;
  double parameters = 0;  // worst relative L2 error of a tensor after the last step
  std::string worst_parameter;
};

/// Worst relative L2 error of a tensor, and its name.
inline std::pair<double, std::string> worst_tensor(const ModelSettings& model, std::span<const double> actual,
                                                   std::span<const double> expected) {
  std::pair<double, std::string> worst{0, ""};
  for (const ParameterTensor& tensor : parameter_layout(model).tensors) {
    const double error = relative_l2_error(tensor_of(actual, tensor), tensor_of(expected, tensor));
    if (error > worst.first || std::isnan(error)) worst = {worse_of(worst.first, error), tensor.name};
  }
  return worst;
}

inline double relative_error(double actual, double expected) { return std::fabs(actual - expected) / expected; }

/// Compares the first batch's loss and gradients, and the whole of training `run`. The settings given to `make` ask for
/// one thread; a factory may change that.
inline TransformerErrors compare_with_pytorch(const TransformerFactory& make, const GoldenTransformer& golden,
                                              const GoldenTransformerRun& run) {
  NetworkSettings settings;
  settings.model = golden.model;
  settings.training = run.training;
  settings.max_batch = golden.batch_size;
  const std::unique_ptr<Network<double>> network = make(settings);
  const std::unique_ptr<ThreadClaim> claim = network->claim_threads();
  network->write(Content::parameters, golden.initial);

  TransformerErrors errors;
  const Batch<double> first = golden.batch<double>(0);
  errors.first_loss = worse_of(relative_error(network->evaluate(first).loss, run.losses.at(0)),
                               relative_error(network->compute_gradients(first).loss, run.losses[0]));
  std::vector<double> buffer(golden.initial.size());
  network->read(Content::gradients, buffer);
  std::tie(errors.gradient, errors.worst_gradient) = worst_tensor(golden.model, buffer, golden.gradient);

  for (std::int64_t step = 0; step < std::ssize(run.losses); ++step) {
    const UpdateStep update{.learning_rate = run.training.learning_rate, .number = step + 1};
    const double loss = network->train_step(golden.batch<double>(step), update).loss;
    const double error = relative_error(loss, run.losses[static_cast<std::size_t>(step)]);
    if (error > errors.losses || std::isnan(error)) errors.worst_step = step;
    errors.losses = worse_of(errors.losses, error);
  }
  network->read(Content::parameters, buffer);
  std::tie(errors.parameters, errors.worst_parameter) = worst_tensor(golden.model, buffer, run.parameters);
  return errors;
}

}  // namespace stepbench::testing
