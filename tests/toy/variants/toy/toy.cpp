#include "variants/toy/toy.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/affinity.hpp"
#include "core/lap_clock.hpp"
#include "core/models/parameters.hpp"

namespace stepbench {
namespace {

/// Letters: B samples of a batch; a layer has `in` inputs and `out` outputs. Matrices are row-major.
template <typename Scalar>
class ToyNetwork final : public Network<Scalar> {
 public:
  explicit ToyNetwork(const NetworkSettings& settings)
      : model_(settings.model),
        layout_(parameter_layout(settings.model)),
        parameters_(static_cast<std::size_t>(layout_.size)),
        gradients_(parameters_.size()),
        outputs_(model_.layers.size()),
        cpus_(settings.cpus) {}

  std::unique_ptr<ThreadClaim> claim_threads() override { return std::make_unique<CallerClaim>(cpus_); }

  void read(Content content, std::span<Scalar> values) const override {
    if (content == Content::parameters) {
      std::ranges::copy(parameters_, values.begin());
    } else if (content == Content::gradients) {
      std::ranges::copy(gradients_, values.begin());
    } else {
      std::ranges::fill(values, Scalar{0});  // plain SGD keeps no moments
    }
  }
  void write(Content content, std::span<const Scalar> values) override {
    if (content == Content::parameters) parameters_.assign(values.begin(), values.end());
    if (content == Content::gradients) gradients_.assign(values.begin(), values.end());
  }

  Evaluation evaluate(const Batch<Scalar>& batch) override {
    forward(batch);
    const std::vector<Scalar>& outputs = outputs_.back();
    const std::size_t K = outputs.size() / size(batch);
    Evaluation result{.loss = loss(batch), .correct = 0};
    for (std::size_t b = 0; b < batch.labels.size(); ++b) {
      if (largest_is_at(std::span<const Scalar>(outputs).subspan(b * K, K), batch.labels[b])) ++result.correct;
    }
    return result;
  }

  StepResult compute_gradients(const Batch<Scalar>& batch) override {
    StepResult result;
    LapClock clock;
    forward(batch);
    result.phases[Phase::forward] = clock.lap();
    result.loss = loss(batch);
    result.phases[Phase::loss] = clock.lap();
    backward(batch);
    result.phases[Phase::backward] = clock.lap();
    return result;
  }

  void apply_update(const UpdateStep& update) override {
    const auto rate = static_cast<Scalar>(update.learning_rate);
    for (std::size_t i = 0; i < parameters_.size(); ++i) parameters_[i] -= rate * gradients_[i];
  }

  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    StepResult result = compute_gradients(batch);
    LapClock clock;
    apply_update(update);
    result.phases[Phase::update] = clock.lap();
    return result;
  }

 private:
  static std::size_t size(const Batch<Scalar>& batch) { return static_cast<std::size_t>(batch.size); }
  [[nodiscard]] std::size_t width(std::size_t layer) const { return static_cast<std::size_t>(model_.layers[layer]); }
  /// Where the weights (out, in) of the layer that makes outputs_[layer] begin, and its bias (out) after them.
  [[nodiscard]] std::size_t weights(std::size_t layer) const {
    return static_cast<std::size_t>(layout_.tensors[2 * (layer - 1)].offset);
  }
  [[nodiscard]] std::size_t bias(std::size_t layer) const { return weights(layer) + width(layer) * width(layer - 1); }
  [[nodiscard]] bool has_relu(std::size_t layer) const {
    return layer + 1 < outputs_.size() || model_.output == OutputActivation::relu;
  }

  /// outputs_[layer] (B, out), of which outputs_[0] is the features.
  void forward(const Batch<Scalar>& batch) {
    outputs_[0].assign(batch.features.begin(), batch.features.end());
    for (std::size_t layer = 1; layer < outputs_.size(); ++layer) {
      const std::size_t in = width(layer - 1), out = width(layer);
      outputs_[layer].resize(size(batch) * out);
      for (std::size_t b = 0; b < size(batch); ++b) {
        for (std::size_t i = 0; i < out; ++i) {
          Scalar z = parameters_[bias(layer) + i];
          for (std::size_t j = 0; j < in; ++j) {
            z += parameters_[weights(layer) + i * in + j] * outputs_[layer - 1][b * in + j];
          }
          outputs_[layer][b * out + i] = has_relu(layer) ? std::max(z, Scalar{0}) : z;
        }
      }
    }
  }

  /// The recorded loss; leaves the objective's gradient by the network's outputs (B, K) in output_gradient_.
  double loss(const Batch<Scalar>& batch) {
    const std::vector<Scalar>& a = outputs_.back();
    const std::size_t B = size(batch), K = a.size() / B;
    output_gradient_.resize(a.size());
    double sum = 0;
    if (model_.loss == Loss::squared_error) {
      for (std::size_t i = 0; i < a.size(); ++i) {
        const Scalar error = a[i] - batch.targets[i];
        sum += static_cast<double>(error * error);
        output_gradient_[i] = 2 * error / static_cast<Scalar>(batch.counted);
      }
      return sum / static_cast<double>(batch.counted) / static_cast<double>(K);
    }
    for (std::size_t b = 0; b < B; ++b) {
      const Scalar largest = *std::max_element(&a[b * K], &a[b * K] + K);
      Scalar total = 0;
      for (std::size_t k = 0; k < K; ++k) total += std::exp(a[b * K + k] - largest);
      for (std::size_t k = 0; k < K; ++k) {
        const Scalar one_if_label = k == static_cast<std::size_t>(batch.labels[b]) ? Scalar{1} : Scalar{0};
        output_gradient_[b * K + k] =
            (std::exp(a[b * K + k] - largest) / total - one_if_label) / static_cast<Scalar>(batch.counted);
        sum += static_cast<double>(one_if_label * (std::log(total) - (a[b * K + k] - largest)));
      }
    }
    return sum / static_cast<double>(batch.counted);
  }

  void backward(const Batch<Scalar>& batch) {
    std::ranges::fill(gradients_, Scalar{0});
    std::vector<Scalar> gradient = output_gradient_, input_gradient;  // by the outputs of a layer, and by its inputs
    for (std::size_t layer = outputs_.size() - 1; layer > 0; --layer) {
      const std::size_t in = width(layer - 1), out = width(layer);
      input_gradient.assign(size(batch) * in, 0);
      for (std::size_t b = 0; b < size(batch); ++b) {
        for (std::size_t i = 0; i < out; ++i) {
          const Scalar delta = has_relu(layer) && !(outputs_[layer][b * out + i] > 0) ? 0 : gradient[b * out + i];
          gradients_[bias(layer) + i] += delta;
          for (std::size_t j = 0; j < in; ++j) {
            gradients_[weights(layer) + i * in + j] += delta * outputs_[layer - 1][b * in + j];
            input_gradient[b * in + j] += delta * parameters_[weights(layer) + i * in + j];
          }
        }
      }
      std::swap(gradient, input_gradient);
    }
  }

  ModelSettings model_;
  ParameterLayout layout_;
  std::vector<Scalar> parameters_, gradients_;  // flat, in canonical order
  std::vector<std::vector<Scalar>> outputs_;
  std::vector<int> cpus_;
  std::vector<Scalar> output_gradient_;
};

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make(const NetworkSettings& settings) {
  return std::make_unique<ToyNetwork<Scalar>>(settings);
}

std::string unsupported(const NetworkSettings& settings) {
  const TrainingSettings& training = settings.training;
  if (settings.model.kind != ModelKind::mlp) return "toy trains MLPs only";
  if (settings.model.loss == Loss::stablemax_cross_entropy || settings.model.softmax)
    return "toy has a softmax of its own";
  const bool plain = training.optimizer == Optimizer::sgd && training.weight_decay == 0 && !training.gradient_clip &&
                     training.update_order == UpdateOrder::simultaneous;
  return plain ? "" : "toy trains with plain SGD only";
}

}  // namespace

Backend toy_backend() {
  return {"toy", "a test's backend in plain loops", 1, true, make<float>, make<double>, unsupported};
}

}  // namespace stepbench
