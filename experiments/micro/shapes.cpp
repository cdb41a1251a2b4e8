#include "experiments/micro/shapes.hpp"

#include "core/models/model_kinds.hpp"

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

}  // namespace stepbench::micro
