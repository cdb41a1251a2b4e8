#include "variants/neuron/mlp.hpp"

#include <algorithm>

#include "core/bfloat16.hpp"
#include "core/lap_clock.hpp"

namespace stepbench::neuron {

template <typename Scalar>
NeuronMlp<Scalar>::NeuronMlp(const NetworkSettings& settings)
    : TrainedNetwork<Scalar>(settings, settings.max_batch, settings.model.layers.back()) {
  const std::vector<std::int64_t>& sizes = settings.model.layers;
  const bool rounds = settings.training.precision == Precision::bfloat16;
  if (rounds) rounded_features_.resize(static_cast<std::size_t>(settings.max_batch * sizes.front()));
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    const bool is_top = i + 2 == sizes.size();
    const bool is_linear = is_top && settings.model.output == OutputActivation::linear;
    layers_.emplace_back(sizes[i], sizes[i + 1], is_linear ? Activation::linear : Activation::relu,
                         settings.training.optimizer, settings.max_batch, i == 0,
                         Roundings{.outputs = rounds && !is_top, .gradients = rounds});
  }
  for (Layer<Scalar>& layer : layers_) this->list_layer(layer);
}

template <typename Scalar>
Rows<const Scalar> NeuronMlp<Scalar>::forward(const Batch<Scalar>& batch) {
  Rows<const Scalar> activations{batch.features.data(), batch.size, this->settings().model.layers.front()};
  if (!rounded_features_.empty()) {
    std::ranges::transform(activations.all(), rounded_features_.begin(),
                           [](Scalar feature) { return rounded_to_bfloat16(feature); });
    activations.first = rounded_features_.data();
  }
  for (Layer<Scalar>& layer : layers_) activations = layer.forward(activations);
  return activations;
}

template <typename Scalar>
void NeuronMlp<Scalar>::backward(const Batch<Scalar>& /*batch*/, Rows<const Scalar> output_gradient) {
  backward_through_layers(output_gradient, nullptr);
}

template <typename Scalar>
void NeuronMlp<Scalar>::backward_through_layers(Rows<const Scalar> gradient, const UpdateRule* update_each) {
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    layer->compute_gradients(gradient);
    if (update_each != nullptr) layer->update(*update_each);
    const bool is_first = layer + 1 == layers_.rend();
    if (!is_first) gradient = layer->compute_input_gradient();
  }
}

template <typename Scalar>
StepResult NeuronMlp<Scalar>::train_step(const Batch<Scalar>& batch, const UpdateStep& update) {
  if (this->settings().training.update_order == UpdateOrder::simultaneous) {
    return TrainedNetwork<Scalar>::train_step(batch, update);
  }
  const UpdateRule rule = this->update_rule(update);
  StepResult result = this->forward_and_loss(batch);
  LapClock clock;
  backward_through_layers(this->output_gradient(), &rule);
  result.phases[Phase::backward] = clock.lap();
  return result;
}

template class NeuronMlp<float>;
template class NeuronMlp<double>;

}  // namespace stepbench::neuron
