// Reads tests/golden/original.h5 (tests/golden/README.md says what is in it and how it was made).
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "core/hdf5/hdf5.hpp"
#include "core/models/parameters.hpp"
#include "core/settings.hpp"

namespace stepbench::testing {

/// One training run of the original's algorithm in numpy.
struct GoldenRun {
  std::vector<double> losses;      // of every step, recorded value
  std::vector<double> parameters;  // at the end, canonical
};

struct GoldenOriginal {
  ModelSettings model;
  std::int64_t samples = 0;  // of the training split, from the first on, in that order
  std::int64_t batch_size = 0;
  std::int64_t epochs = 0;
  double learning_rate = 0;
  std::vector<double> initial;  // canonical; each value is a float32's
  GoldenRun layerwise, simultaneous;
};

/// All tensors of `layout`, stored by name in `group`, as one canonical buffer.
inline std::vector<double> read_golden_parameters(const hdf5::Group& group, const ParameterLayout& layout) {
  std::vector<double> parameters(static_cast<std::size_t>(layout.size));
  for (const ParameterTensor& tensor : layout.tensors) {
    const std::vector<double> values = group.dataset(tensor.name).read<double>();
    std::copy_n(values.begin(), tensor.size, tensor_of(std::span(parameters), tensor).begin());
  }
  return parameters;
}

inline GoldenOriginal read_golden_original() {
  const auto path = std::filesystem::path(STEPBENCH_SOURCE_DIR) / "tests" / "golden" / "original.h5";
  const hdf5::File file = hdf5::File::open(path);
  const hdf5::Group root = file.root();
  GoldenOriginal golden;
  golden.model.layers = root.attribute_as<std::vector<std::int64_t>>("layers");
  golden.model.output = OutputActivation::relu;
  golden.model.loss = Loss::squared_error;
  golden.samples = root.attribute_as<std::int64_t>("samples");
  golden.batch_size = root.attribute_as<std::int64_t>("batch_size");
  golden.epochs = root.attribute_as<std::int64_t>("epochs");
  golden.learning_rate = root.attribute_as<double>("learning_rate");
  const ParameterLayout layout = parameter_layout(golden.model);
  const auto read_run = [&](const hdf5::Group& group) {
    return GoldenRun{group.dataset("loss").read<double>(), read_golden_parameters(group, layout)};
  };
  golden.initial = read_golden_parameters(root.group("initial"), layout);
  golden.layerwise = read_run(root.group("layerwise"));
  golden.simultaneous = read_run(root.group("simultaneous"));
  return golden;
}

}  // namespace stepbench::testing
