#include "core/parameters.hpp"

#include <algorithm>
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

/// Appends tensors without gaps.
class LayoutBuilder {
 public:
  void add(std::string name, std::vector<std::int64_t> shape, ParameterRole role) {
    std::int64_t size = 1;
    for (const std::int64_t extent : shape) size *= extent;
    layout_.tensors.push_back({std::move(name), std::move(shape), role, layout_.size, size});
    layout_.size += size;
  }
  /// A weight (out, in) and a bias (out).
  void add_linear(const std::string& prefix, std::int64_t out, std::int64_t in) {
    add(prefix + ".weight", {out, in}, ParameterRole::matrix);
    add(prefix + ".bias", {out}, ParameterRole::bias);
  }
  void add_norm(const std::string& prefix, std::int64_t width) {
    add(prefix + ".weight", {width}, ParameterRole::norm);
    add(prefix + ".bias", {width}, ParameterRole::bias);
  }
  [[nodiscard]] ParameterLayout take() { return std::move(layout_); }

 private:
  ParameterLayout layout_;
};

ParameterLayout transformer_layout(const ModelSettings& model) {
  LayoutBuilder builder;
  const std::int64_t width = model.d_model;
  builder.add("token_embedding.weight", {model.vocabulary_size, width}, ParameterRole::embedding);
  if (model.position == PositionEncoding::learned) {
    builder.add("position_embedding.weight", {model.context, width}, ParameterRole::embedding);
  }
  for (std::int64_t i = 0; i < model.blocks; ++i) {
    const std::string block = "blocks." + std::to_string(i);
    builder.add_norm(block + ".norm1", width);
    builder.add_linear(block + ".attention.qkv", 3 * width, width);
    builder.add_linear(block + ".attention.output", width, width);
    builder.add_norm(block + ".norm2", width);
    builder.add_linear(block + ".mlp.up", 4 * width, width);
    builder.add_linear(block + ".mlp.down", width, 4 * width);
  }
  builder.add_norm("final_norm", width);
  if (!model.tied_embeddings) builder.add("head.weight", {model.vocabulary_size, width}, ParameterRole::matrix);
  return builder.take();
}

}  // namespace

ParameterLayout parameter_layout(const ModelSettings& model) {
  if (model.kind == ModelKind::transformer) return transformer_layout(model);
  LayoutBuilder builder;
  for (std::size_t i = 0; i + 1 < model.layers.size(); ++i) {
    builder.add_linear("layers." + std::to_string(i), model.layers[i + 1], model.layers[i]);
  }
  return builder.take();
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

double flops_per_step(const ModelSettings& model, std::int64_t batch_size) {
  double flops = 0;
  if (model.kind == ModelKind::transformer) {
    const auto width = static_cast<double>(model.d_model), context = static_cast<double>(model.context);
    const double tokens = static_cast<double>(batch_size) * context;
    // QKV 3 D^2, output D^2, MLP 8 D^2; the head V D; each forward, for the weights and for the inputs.
    const double linear =
        static_cast<double>(model.blocks) * 12 * width * width + static_cast<double>(model.vocabulary_size) * width;
    // Scores and weighted sum forward, twice that backward; a position sees half of the others on average.
    const double attention = static_cast<double>(model.blocks) * 6 * context * width / 2;
    return tokens * (3 * 2 * linear + 2 * attention);
  }
  for (std::size_t i = 0; i + 1 < model.layers.size(); ++i) {
    const double products = i == 0 ? 2 : 3;  // forward, weight gradient, and from the second layer on input gradient
    flops += products * 2 * static_cast<double>(batch_size) * static_cast<double>(model.layers[i]) *
             static_cast<double>(model.layers[i + 1]);
  }
  return flops;
}

}  // namespace stepbench
