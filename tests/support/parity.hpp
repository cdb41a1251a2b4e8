// Trains a float64 backend exactly as the golden runs of the original's algorithm were trained, and says how far it
// strays. Links stepbench_data and stepbench_hdf5.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/data/dataset.hpp"
#include "core/data/gather.hpp"
#include "core/models/parameters.hpp"
#include "core/network.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/relative_error.hpp"

namespace stepbench::testing {

/// Relative, on each loss and on each tensor in L2. Sums taken in another order stay within about 1e-15 over the 640
/// steps; the wrong update order is 1e-2 off. Between the two, with room for other machines.
inline constexpr double kParityTolerance = 1e-10;

using NetworkFactory = std::function<std::unique_ptr<Network<double>>(const NetworkSettings&)>;

/// NaN where anything is NaN: compare with `error <= tolerance`.
struct ParityErrors {
  double loss = 0;        // worst relative error of a step's loss
  double parameters = 0;  // worst relative L2 error of a tensor at the end
  std::int64_t worst_step = 0;
  std::string worst_tensor;
};

/// Runs the golden training in update order `order`. The settings given to `make` ask for one thread; a factory may
/// change that.
inline ParityErrors compare_with_original(const NetworkFactory& make, UpdateOrder order) {
  const GoldenOriginal golden = read_golden_original();
  const GoldenRun& expected = order == UpdateOrder::layerwise ? golden.layerwise : golden.simultaneous;

  DatasetSettings digits;
  digits.kind = "mnist";
  digits.path = "experiments/data/mnist-10k";
  digits.train_samples = golden.samples;
  const std::array<std::filesystem::path, 1> folders = {STEPBENCH_SOURCE_DIR};
  const Dataset dataset = load_dataset(digits, 0, folders);

  NetworkSettings settings;
  settings.model = golden.model;
  settings.training.batch_size = golden.batch_size;
  settings.training.learning_rate = golden.learning_rate;
  settings.training.update_order = order;
  settings.training.precision = Precision::float64;
  settings.max_batch = golden.batch_size;
  const std::unique_ptr<Network<double>> network = make(settings);
  const std::unique_ptr<ThreadClaim> claim = network->claim_threads();
  network->write(Content::parameters, golden.initial);

  ParityErrors errors;
  BatchGatherer<double> gatherer(dataset, golden.batch_size, true);
  const std::vector<std::int64_t> samples = epoch_order(golden.samples, false, 0, 0);
  std::size_t step = 0;
  for (std::int64_t epoch = 0; epoch < golden.epochs; ++epoch) {
    for (std::int64_t first = 0; first < golden.samples; first += golden.batch_size, ++step) {
      const auto size = static_cast<std::size_t>(std::min(golden.batch_size, golden.samples - first));
      const auto rows = std::span(samples).subspan(static_cast<std::size_t>(first), size);
      const UpdateStep update{.learning_rate = golden.learning_rate, .number = static_cast<std::int64_t>(step) + 1};
      const double loss = network->train_step(gatherer.gather(dataset.train, rows), update).loss;
      const double error = std::fabs(loss - expected.losses.at(step)) / expected.losses[step];
      if (error > errors.loss || std::isnan(error)) errors.worst_step = static_cast<std::int64_t>(step);
      errors.loss = worse_of(errors.loss, error);
    }
  }
  if (step != expected.losses.size()) throw std::runtime_error("the golden file holds another number of steps");

  std::vector<double> parameters(expected.parameters.size());
  network->read(Content::parameters, parameters);
  for (const ParameterTensor& tensor : parameter_layout(golden.model).tensors) {
    const double error =
        relative_l2_error(tensor_of(std::span(parameters), tensor), tensor_of(std::span(expected.parameters), tensor));
    if (error > errors.parameters || std::isnan(error)) errors.worst_tensor = tensor.name;
    errors.parameters = worse_of(errors.parameters, error);
  }
  return errors;
}

}  // namespace stepbench::testing
