// The backend's entrance: which network a model's kind asks for.
#include <cassert>

#include "variants/neuron/mlp.hpp"
#include "variants/neuron/neuron.hpp"
#include "variants/neuron/transformer.hpp"

namespace stepbench::neuron {
template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_neuron_network(const NetworkSettings& settings) {
  assert(settings.threads == 1);  // as the row in the registry says
  if (settings.model.kind == ModelKind::transformer) return std::make_unique<TransformerNetwork<Scalar>>(settings);
  return std::make_unique<NeuronMlp<Scalar>>(settings);
}

Backend neuron_backend() {
  return {"neuron",
          "one object per neuron, as the tutorial teaches it; the reference in float64",
          1,
          true,
          make_neuron_network<float>,
          make_neuron_network<double>,
          nullptr,
          [] { return std::vector{kernel_fact()}; }};
}

template std::unique_ptr<Network<float>> make_neuron_network(const NetworkSettings&);
template std::unique_ptr<Network<double>> make_neuron_network(const NetworkSettings&);

}  // namespace stepbench::neuron
