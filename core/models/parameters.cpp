#include "core/models/parameters.hpp"

#include <algorithm>
#include <cmath>

#include "core/models/model_kinds.hpp"
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
    case Initialisation::gpt2:
      return stream.normal() * 0.02;
    case Initialisation::file:
      break;  // read, not drawn
  }
  return 0;
}

/// GPT-2 divides the projections that add to the residual stream by sqrt(2 L).
double residual_scale(const ModelSettings& model, const ParameterTensor& tensor) {
  const bool adds_to_residual =
      tensor.name.ends_with("attention.output.weight") || tensor.name.ends_with("mlp.down.weight");
  if (model.init != Initialisation::gpt2 || !adds_to_residual) return 1;
  return 1 / std::sqrt(2.0 * static_cast<double>(model.blocks));
}

}  // namespace

void ParameterLayout::add(std::string name, std::vector<std::int64_t> shape, ParameterRole role) {
  std::int64_t elements = 1;
  for (const std::int64_t extent : shape) elements *= extent;
  tensors.push_back({std::move(name), std::move(shape), role, size, elements});
  size += elements;
}

void ParameterLayout::add_linear(const std::string& prefix, std::int64_t out, std::int64_t in) {
  add(prefix + ".weight", {out, in}, ParameterRole::matrix);
  add(prefix + ".bias", {out}, ParameterRole::bias);
}

void ParameterLayout::add_norm(const std::string& prefix, std::int64_t width) {
  add(prefix + ".weight", {width}, ParameterRole::norm);
  add(prefix + ".bias", {width}, ParameterRole::bias);
}

ParameterLayout parameter_layout(const ModelSettings& model) { return row_of(model.kind).layout(model); }

double flops_per_step(const ModelSettings& model, std::int64_t batch_size) {
  return row_of(model.kind).flops_per_step(model, batch_size);
}

template <typename Scalar>
std::vector<Scalar> initial_parameters(const ModelSettings& model, std::uint64_t seed) {
  const ParameterLayout layout = parameter_layout(model);
  std::vector<Scalar> parameters(static_cast<std::size_t>(layout.size), Scalar{0});
  for (std::size_t t = 0; t < layout.tensors.size(); ++t) {
    const ParameterTensor& tensor = layout.tensors[t];
    const std::span<Scalar> values = tensor_of(std::span(parameters), tensor);
    if (tensor.role == ParameterRole::norm) std::fill(values.begin(), values.end(), Scalar{1});
    if (tensor.role != ParameterRole::matrix && tensor.role != ParameterRole::embedding) continue;
    RandomStream stream(seed, Purpose::initial_parameters, t);
    const double scale = residual_scale(model, tensor);
    for (Scalar& weight : values) {
      weight = static_cast<Scalar>(scale * draw_weight(model.init, tensor.shape[1], tensor.shape[0], stream));
    }
  }
  return parameters;
}

template std::vector<float> initial_parameters<float>(const ModelSettings&, std::uint64_t);
template std::vector<double> initial_parameters<double>(const ModelSettings&, std::uint64_t);

}  // namespace stepbench
