#include "experiments/micro/shapes.hpp"

#include "core/models/model_kinds.hpp"
#include "core/models/parameters.hpp"

namespace stepbench::micro {
namespace {

constexpr std::int64_t kMobyDickCharacters = 80;  // V

Network transformer(std::string name, std::int64_t width, std::int64_t heads, std::int64_t blocks, std::int64_t context,
                    std::int64_t batch_size) {
  ModelSettings model;
  model.kind = ModelKind::transformer;
  model.d_model = width;
  model.heads = heads;
  model.blocks = blocks;
  model.context = context;
  model.vocabulary_size = kMobyDickCharacters;
  return {std::move(name), model, batch_size};
}

}  // namespace

Network mlp(std::int64_t batch_size) {
  ModelSettings model;
  model.layers = {784, 512, 256, 10};
  return {"mlp", model, batch_size};
}

Network small_transformer() { return transformer("transformer-D128", 128, 4, 4, 64, 16); }
Network large_transformer() { return transformer("transformer-D384", 384, 6, 6, 256, 4); }

std::int64_t rows(const Network& network) {
  return network.batch_size * row_of(network.model.kind).rows_per_sample(network.model);
}

std::vector<LinearLayer> linear_layers(const Network& network) {
  const std::string batch = network.model.kind == ModelKind::mlp ? "/batch:" + std::to_string(network.batch_size) : "";
  std::vector<LinearLayer> layers;
  for (const ParameterTensor& tensor : parameter_layout(network.model).tensors) {
    const bool later_block = tensor.name.starts_with("blocks.") && !tensor.name.starts_with("blocks.0.");
    if (tensor.role != ParameterRole::matrix || later_block) continue;
    const std::string layer = tensor.name.substr(0, tensor.name.rfind('.'));  // without `.weight`
    const std::string weight = network.name + '/' + layer;
    layers.push_back({weight + batch, weight, tensor.shape[0], tensor.shape[1], layer != "layers.0"});
  }
  return layers;
}

}  // namespace stepbench::micro
