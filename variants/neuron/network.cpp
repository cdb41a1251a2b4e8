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
  return {.name = "neuron",
          .summary = "one object per neuron, as the tutorial teaches it; the reference in float64",
          .max_threads = 1,
          .same_bits_for_any_threads = true,
          .make_float32 = make_neuron_network<float>,
          .make_float64 = make_neuron_network<double>,
          .libraries = [] { return std::vector{kernel_fact()}; },
          .bfloat16 = true};
}

template std::unique_ptr<Network<float>> make_neuron_network(const NetworkSettings&);
template std::unique_ptr<Network<double>> make_neuron_network(const NetworkSettings&);

}  // namespace stepbench::neuron
