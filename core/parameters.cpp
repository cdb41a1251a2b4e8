#include "core/parameters.hpp"

#include <cmath>

#include "core/random.hpp"

namespace stepbench {
namespace {

/// One draw of a weight of a layer with `inputs` inputs and `outputs` outputs.
double draw_weight(Initialisation scheme, std::int64_t inputs, std::int64_t outputs, RandomStream& stream) {
  switch (scheme) {
    case Initialisation::original:
      return stream.normal() * 0.01;
    case Initialisation::he:
      return stream.normal() * std::sqrt(2.0 / static_cast<double>(inputs));
    case Initialisation::xavier:
      return (2 * stream.uniform() - 1) * std::sqrt(6.0 / static_cast<double>(inputs + outputs));
  }
  return 0;
}

}  // namespace

ParameterLayout parameter_layout(const ModelSettings& model) {
  ParameterLayout layout;
  const auto add = [&layout](std::string name, std::vector<std::int64_t> shape, ParameterRole role) {
    std::int64_t size = 1;
    for (const std::int64_t extent : shape) size *= extent;
    layout.tensors.push_back({std::move(name), std::move(shape), role, layout.size, size});
    layout.size += size;
  };
  for (std::size_t i = 0; i + 1 < model.layers.size(); ++i) {
    const std::string prefix = "layers." + std::to_string(i);
    add(prefix + ".weight", {model.layers[i + 1], model.layers[i]}, ParameterRole::matrix);
    add(prefix + ".bias", {model.layers[i + 1]}, ParameterRole::bias);
  }
  return layout;
}

template <typename Scalar>
std::vector<Scalar> initial_parameters(const ModelSettings& model, std::uint64_t seed) {
  const ParameterLayout layout = parameter_layout(model);
  std::vector<Scalar> parameters(static_cast<std::size_t>(layout.size), Scalar{0});
  for (std::size_t t = 0; t < layout.tensors.size(); ++t) {
    const ParameterTensor& tensor = layout.tensors[t];
    if (tensor.role != ParameterRole::matrix) continue;
    RandomStream stream(seed, Purpose::initial_parameters, t);
    for (Scalar& weight : tensor_of(std::span(parameters), tensor)) {
      weight = static_cast<Scalar>(draw_weight(model.init, tensor.shape[1], tensor.shape[0], stream));
    }
  }
  return parameters;
}

template std::vector<float> initial_parameters<float>(const ModelSettings&, std::uint64_t);
template std::vector<double> initial_parameters<double>(const ModelSettings&, std::uint64_t);

double flops_per_step(const ModelSettings& model, std::int64_t batch_size) {
  double flops = 0;
  for (std::size_t i = 0; i + 1 < model.layers.size(); ++i) {
    const double products = i == 0 ? 2 : 3;  // forward, weight gradient, and from the second layer on input gradient
    flops += products * 2 * static_cast<double>(batch_size) * static_cast<double>(model.layers[i]) *
             static_cast<double>(model.layers[i + 1]);
  }
  return flops;
}

}  // namespace stepbench
