#include "variants/neuron/trained_network.hpp"

#include <algorithm>
#include <cmath>

#include "core/affinity.hpp"
#include "core/bfloat16.hpp"
#include "core/lap_clock.hpp"
#include "variants/neuron/loss.hpp"

namespace stepbench::neuron {

template <typename Scalar>
TrainedNetwork<Scalar>::TrainedNetwork(const NetworkSettings& settings, std::int64_t max_rows, std::int64_t outputs)
    : settings_(settings), output_gradient_(static_cast<std::size_t>(max_rows * outputs)) {}

template <typename Scalar>
void TrainedNetwork<Scalar>::list_tensor(TrainedTensor<Scalar>& tensor, ParameterRole role) {
  tensor.prepare(settings_.training, listed_);
  listed_ += std::ssize(tensor.values);
  tensors_.push_back({&tensor, role});
}

template <typename Scalar>
void TrainedNetwork<Scalar>::list_layer(Layer<Scalar>& layer) {
  for (Neuron<Scalar>& neuron : layer.neurons()) list_tensor(neuron.weights(), ParameterRole::matrix);
  for (Neuron<Scalar>& neuron : layer.neurons()) list_tensor(neuron.bias(), ParameterRole::bias);
}

template <typename Scalar>
std::unique_ptr<ThreadClaim> TrainedNetwork<Scalar>::claim_threads() {
  return std::make_unique<CallerClaim>(settings_.cpus);  // computes on the calling thread and sets nothing
}

template <typename Scalar>
void TrainedNetwork<Scalar>::read(Content content, std::span<Scalar> values) const {
  auto next = values.begin();
  for (const ListedTensor& listed : tensors_) {
    const std::vector<Scalar>& kept = listed.tensor->content(content);
    const std::size_t size = listed.tensor->values.size();
    next = kept.empty() ? std::fill_n(next, size, Scalar{0}) : std::copy(kept.begin(), kept.end(), next);
  }
}

template <typename Scalar>
void TrainedNetwork<Scalar>::write(Content content, std::span<const Scalar> values) {
  auto next = values.begin();
  for (const ListedTensor& listed : tensors_) {
    std::vector<Scalar>& kept = listed.tensor->content(content);
    std::copy_n(next, kept.size(), kept.begin());
    next += static_cast<std::ptrdiff_t>(listed.tensor->values.size());
    if (content != Content::parameters) continue;
    if (settings_.training.precision == Precision::bfloat16) {
      for (Scalar& value : kept) value = rounded_to_bfloat16(value);
    }
    listed.tensor->forget();
  }
}

template <typename Scalar>
Evaluation TrainedNetwork<Scalar>::evaluate(const Batch<Scalar>& batch) {
  const Rows<const Scalar> outputs = forward(batch);
  return {.loss = loss_and_gradient(settings_.model, outputs, batch, std::span<Scalar>{}),
          .correct = count_correct(outputs, batch)};
}

template <typename Scalar>
StepResult TrainedNetwork<Scalar>::forward_and_loss(const Batch<Scalar>& batch) {
  StepResult result;
  LapClock clock;
  const Rows<const Scalar> outputs = forward(batch);
  result.phases[Phase::forward] = clock.lap();
  const auto gradient = std::span(output_gradient_).first(outputs.all().size());
  result.loss = loss_and_gradient(settings_.model, outputs, batch, gradient);
  output_gradient_rows_ = {gradient.data(), outputs.count, outputs.width};
  result.phases[Phase::loss] = clock.lap();
  return result;
}

template <typename Scalar>
StepResult TrainedNetwork<Scalar>::compute_gradients(const Batch<Scalar>& batch) {
  StepResult result = forward_and_loss(batch);
  LapClock clock;
  backward(batch, output_gradient());
  result.phases[Phase::backward] = clock.lap();
  return result;
}

template <typename Scalar>
void TrainedNetwork<Scalar>::apply_update(const UpdateStep& update) {
  const UpdateRule rule = update_rule(update);
  for (const ListedTensor& listed : tensors_) update_tensor(*listed.tensor, listed.role, rule);
}

template <typename Scalar>
StepResult TrainedNetwork<Scalar>::train_step(const Batch<Scalar>& batch, const UpdateStep& update) {
  StepResult result = compute_gradients(batch);
  LapClock clock;
  apply_update(update);
  result.phases[Phase::update] = clock.lap();
  return result;
}

template <typename Scalar>
UpdateRule TrainedNetwork<Scalar>::update_rule(const UpdateStep& update) const {
  UpdateRule rule{.training = settings_.training, .step = update, .seed = settings_.seed};
  if (settings_.training.gradient_clip) {
    constexpr double kNormOffset = 1e-6;  // PyTorch's clip_grad_norm_ has it
    rule.gradient_scale = std::min(1.0, *settings_.training.gradient_clip / (gradient_norm() + kNormOffset));
  }
  return rule;
}

template <typename Scalar>
double TrainedNetwork<Scalar>::gradient_norm() const {
  double sum_of_squares = 0;
  for (const ListedTensor& listed : tensors_) {
    for (const Scalar gradient : listed.tensor->gradients) {
      const auto g = static_cast<double>(gradient);
      sum_of_squares += g * g;
    }
  }
  return std::sqrt(sum_of_squares);
}

template class TrainedNetwork<float>;
template class TrainedNetwork<double>;

}  // namespace stepbench::neuron
