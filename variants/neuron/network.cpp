// The backend's entrance: what it supports, and which network a model's kind asks for.
#include <string>

#include "core/error.hpp"
#include "variants/neuron/mlp.hpp"
#include "variants/neuron/neuron.hpp"
#include "variants/neuron/transformer.hpp"

namespace stepbench {
namespace {

void require_supported(const NetworkSettings& settings) {
  const TrainingSettings& training = settings.training;
  const ModelSettings& model = settings.model;
  if (settings.threads != 1) {
    throw InputError("backend neuron: runs on 1 thread, not " + std::to_string(settings.threads));
  }
  if (model.kind == ModelKind::transformer && (model.heads < 1 || model.d_model % model.heads != 0)) {
    throw InputError("model.d_model: must be a multiple of model.heads (" + std::to_string(model.heads) + "), not " +
                     std::to_string(model.d_model));
  }
  if (training.update_order != UpdateOrder::layerwise) return;
  if (model.kind != ModelKind::mlp) throw InputError("training.update_order: layerwise needs model.kind = mlp");
  if (training.optimizer != Optimizer::sgd) {
    throw InputError("training.update_order: layerwise needs training.optimizer = sgd");
  }
  if (training.gradient_clip) {
    throw InputError(
        "training.gradient_clip: needs training.update_order = simultaneous, as the norm is over all layers");
  }
}

}  // namespace

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_neuron_network(const NetworkSettings& settings) {
  require_supported(settings);
  if (settings.model.kind == ModelKind::transformer) return std::make_unique<TransformerNetwork<Scalar>>(settings);
  return std::make_unique<NeuronMlp<Scalar>>(settings);
}

template std::unique_ptr<Network<float>> make_neuron_network(const NetworkSettings&);
template std::unique_ptr<Network<double>> make_neuron_network(const NetworkSettings&);

}  // namespace stepbench
