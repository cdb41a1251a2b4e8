#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.hpp"
#include "core/lap_clock.hpp"
#include "variants/neuron/loss.hpp"
#include "variants/neuron/neuron.hpp"

namespace stepbench {
namespace {

/// Calls `visit` with each neuron's tensors in canonical order: a layer's weights, neuron by neuron (the rows of its
/// matrix), then its biases.
template <typename Layers, typename Visit>
void for_each_tensor(Layers& layers, const Visit& visit) {
  for (auto& layer : layers) {
    for (auto& neuron : layer.neurons()) visit(neuron.weights());
    for (auto& neuron : layer.neurons()) visit(neuron.bias());
  }
}

void require_supported(const NetworkSettings& settings) {
  const TrainingSettings& training = settings.training;
  if (settings.threads != 1) {
    throw InputError("backend neuron: runs on 1 thread, not " + std::to_string(settings.threads));
  }
  if (training.update_order != UpdateOrder::layerwise) return;
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
NeuronNetwork<Scalar>::NeuronNetwork(const NetworkSettings& settings)
    : settings_(settings),
      output_gradient_(static_cast<std::size_t>(settings.max_batch * settings.model.layers.back())) {
  const std::vector<std::int64_t>& sizes = settings.model.layers;
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    const bool is_top = i + 2 == sizes.size();
    const bool is_linear = is_top && settings.model.output == OutputActivation::linear;
    layers_.emplace_back(sizes[i], sizes[i + 1], is_linear ? Activation::linear : Activation::relu,
                         settings.training.optimizer, settings.max_batch, i == 0);
  }
}

template <typename Scalar>
std::unique_ptr<ThreadClaim> NeuronNetwork<Scalar>::claim_threads() {
  return std::make_unique<ThreadClaim>();  // computes on the calling thread and sets nothing
}

template <typename Scalar>
void NeuronNetwork<Scalar>::set_parameters(std::span<const Scalar> parameters) {
  auto next = parameters.begin();
  for_each_tensor(layers_, [&next](TrainedTensor<Scalar>& tensor) {
    std::copy_n(next, tensor.values.size(), tensor.values.begin());
    next += static_cast<std::ptrdiff_t>(tensor.values.size());
    tensor.forget();
  });
}

template <typename Scalar>
void NeuronNetwork<Scalar>::get_parameters(std::span<Scalar> parameters) const {
  auto next = parameters.begin();
  for_each_tensor(layers_, [&next](const TrainedTensor<Scalar>& tensor) {
    next = std::copy(tensor.values.begin(), tensor.values.end(), next);
  });
}

template <typename Scalar>
void NeuronNetwork<Scalar>::get_gradients(std::span<Scalar> gradients) const {
  auto next = gradients.begin();
  for_each_tensor(layers_, [&next](const TrainedTensor<Scalar>& tensor) {
    next = std::copy(tensor.gradients.begin(), tensor.gradients.end(), next);
  });
}

template <typename Scalar>
Rows<const Scalar> NeuronNetwork<Scalar>::forward(const Batch<Scalar>& batch) {
  Rows<const Scalar> activations{batch.features.data(), batch.size, settings_.model.layers.front()};
  for (Layer<Scalar>& layer : layers_) activations = layer.forward(activations);
  return activations;
}

template <typename Scalar>
Evaluation NeuronNetwork<Scalar>::evaluate(const Batch<Scalar>& batch) {
  const Rows<const Scalar> rows = forward(batch);
  const std::span<const Scalar> outputs(rows.first, static_cast<std::size_t>(rows.count * rows.width));
  return {.loss = loss_and_gradient(settings_.model.loss, outputs, batch, std::span<Scalar>{}),
          .correct = count_correct(outputs, batch)};
}

template <typename Scalar>
StepResult NeuronNetwork<Scalar>::forward_and_loss(const Batch<Scalar>& batch) {
  StepResult result;
  LapClock clock;
  const Rows<const Scalar> rows = forward(batch);
  result.phases[Phase::forward] = clock.lap();
  const auto size = static_cast<std::size_t>(rows.count * rows.width);
  result.loss = loss_and_gradient(settings_.model.loss, std::span(rows.first, size), batch,
                                  std::span(output_gradient_).first(size));
  result.phases[Phase::loss] = clock.lap();
  return result;
}

template <typename Scalar>
void NeuronNetwork<Scalar>::backward(std::int64_t batch_size, const UpdateRule* update_each) {
  Rows<const Scalar> gradient{output_gradient_.data(), batch_size, settings_.model.layers.back()};
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    layer->compute_gradients(gradient);
    if (update_each != nullptr) layer->update(*update_each);
    const bool is_first = layer + 1 == layers_.rend();
    if (!is_first) gradient = layer->compute_input_gradient();
  }
}

template <typename Scalar>
StepResult NeuronNetwork<Scalar>::compute_gradients(const Batch<Scalar>& batch) {
  StepResult result = forward_and_loss(batch);
  LapClock clock;
  backward(batch.size, nullptr);
  result.phases[Phase::backward] = clock.lap();
  return result;
}

template <typename Scalar>
void NeuronNetwork<Scalar>::apply_update(const UpdateStep& update) {
  const UpdateRule rule = update_rule(update);
  for (Layer<Scalar>& layer : layers_) layer.update(rule);
}

template <typename Scalar>
StepResult NeuronNetwork<Scalar>::train_step(const Batch<Scalar>& batch, const UpdateStep& update) {
  if (settings_.training.update_order == UpdateOrder::layerwise) {
    const UpdateRule rule = update_rule(update);
    StepResult result = forward_and_loss(batch);
    LapClock clock;
    backward(batch.size, &rule);
    result.phases[Phase::backward] = clock.lap();
    return result;
  }
  StepResult result = compute_gradients(batch);
  LapClock clock;
  apply_update(update);
  result.phases[Phase::update] = clock.lap();
  return result;
}

template <typename Scalar>
UpdateRule NeuronNetwork<Scalar>::update_rule(const UpdateStep& update) const {
  UpdateRule rule{.training = settings_.training, .step = update};
  if (settings_.training.gradient_clip) {
    constexpr double kNormOffset = 1e-6;  // PyTorch's clip_grad_norm_ has it
    rule.gradient_scale = std::min(1.0, *settings_.training.gradient_clip / (gradient_norm() + kNormOffset));
  }
  return rule;
}

template <typename Scalar>
double NeuronNetwork<Scalar>::gradient_norm() const {
  double sum_of_squares = 0;
  for_each_tensor(layers_, [&sum_of_squares](const TrainedTensor<Scalar>& tensor) {
    for (const Scalar gradient : tensor.gradients) {
      const auto g = static_cast<double>(gradient);
      sum_of_squares += g * g;
    }
  });
  return std::sqrt(sum_of_squares);
}

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_neuron_network(const NetworkSettings& settings) {
  require_supported(settings);
  return std::make_unique<NeuronNetwork<Scalar>>(settings);
}

template class NeuronNetwork<float>;
template class NeuronNetwork<double>;
template std::unique_ptr<Network<float>> make_neuron_network(const NetworkSettings&);
template std::unique_ptr<Network<double>> make_neuron_network(const NetworkSettings&);

}  // namespace stepbench
