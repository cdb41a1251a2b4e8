// Transformers with one planted fault each, made of the real `neuron` objects but one: every check that is said to
// catch a fault must.
//
// A fault of the forward pass has gradients that fit its own loss, so finite differences cannot see it: agreement with
// the float64 reference must. A fault of the backward pass is seen by both.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/models/parameters.hpp"
#include "core/network.hpp"
#include "variants/neuron/transformer.hpp"
#include "variants/registry.hpp"

namespace stepbench::testing {

// Parts with a fault.

/// A position sees the next one too.
template <typename Scalar>
struct PeekingHead : neuron::AttentionHead<Scalar> {
  PeekingHead(std::int64_t length, std::int64_t head_width)
      : neuron::AttentionHead<Scalar>(length, 1 / std::sqrt(static_cast<Scalar>(head_width)),
                                      [](std::int64_t t, std::int64_t n) { return t + 2 < n ? t + 2 : n; }) {}
};

/// Scores are not divided by sqrt(D/H).
template <typename Scalar>
struct UnscaledHead : neuron::AttentionHead<Scalar> {
  UnscaledHead(std::int64_t length, std::int64_t /*head_width*/)
      : neuron::AttentionHead<Scalar>(length, Scalar{1}, neuron::causal_positions) {}
};

/// The backward pass takes the mean of a row for a constant.
template <typename Scalar>
class NormWithoutMeanTerm : public neuron::LayerNorm<Scalar> {
 public:
  using neuron::LayerNorm<Scalar>::LayerNorm;

  neuron::Rows<const Scalar> forward(neuron::Rows<const Scalar> input) {
    input_ = input;
    return neuron::LayerNorm<Scalar>::forward(input);
  }
  neuron::Rows<const Scalar> compute_input_gradient(neuron::Rows<const Scalar> output_gradient) {
    const neuron::Rows<const Scalar> right = neuron::LayerNorm<Scalar>::compute_input_gradient(output_gradient);
    const auto width = static_cast<Scalar>(right.width);
    wrong_.assign(right.all().begin(), right.all().end());
    for (std::int64_t row = 0; row < right.count; ++row) {
      Scalar mean = 0, mean_square = 0, mean_g = 0;
      for (std::size_t j = 0; j < input_[row].size(); ++j) {
        mean += input_[row][j] / width;
        mean_square += input_[row][j] * input_[row][j] / width;
        mean_g += this->weight().values[j] * output_gradient[row][j] / width;
      }
      const Scalar variance = mean_square - mean * mean + static_cast<Scalar>(neuron::LayerNorm<Scalar>::kEpsilon);
      for (Scalar& value : neuron::Rows<Scalar>{wrong_.data(), right.count, right.width}[row]) {
        value += mean_g / std::sqrt(variance);
      }
    }
    return {wrong_.data(), right.count, right.width};
  }

 private:
  neuron::Rows<const Scalar> input_;
  std::vector<Scalar> wrong_;
};

/// GELU in its tanh form on the way up, the derivative of its erf form on the way back. ReLU stays right.
template <typename Scalar>
class HiddenLayerWithErfDerivative : public neuron::Layer<Scalar> {
 public:
  HiddenLayerWithErfDerivative(std::int64_t inputs, std::int64_t outputs, neuron::Activation activation,
                               Optimizer optimizer, std::int64_t max_rows, bool is_first)
      : neuron::Layer<Scalar>(inputs, outputs, neuron::Activation::linear, optimizer, max_rows, is_first),
        activation_(activation) {}

  neuron::Rows<const Scalar> forward(neuron::Rows<const Scalar> input) {
    z_ = neuron::Layer<Scalar>::forward(input);
    activated_.clear();
    for (const Scalar z : z_.all()) activated_.push_back(neuron::activate(activation_, z));
    return {activated_.data(), z_.count, z_.width};
  }
  void compute_gradients(neuron::Rows<const Scalar> output_gradient) {
    z_gradient_.assign(output_gradient.all().begin(), output_gradient.all().end());
    for (std::size_t i = 0; i < z_gradient_.size(); ++i) z_gradient_[i] *= derivative(z_.all()[i]);
    neuron::Layer<Scalar>::compute_gradients({z_gradient_.data(), output_gradient.count, output_gradient.width});
  }

 private:
  [[nodiscard]] Scalar derivative(Scalar z) const {
    if (activation_ != neuron::Activation::gelu) return neuron::activation_derivative(activation_, z);
    constexpr auto kHalfRoot = Scalar(0.70710678118654752440);    // 1 / sqrt(2)
    constexpr auto kDensityAt0 = Scalar(0.39894228040143267794);  // 1 / sqrt(2 pi)
    return Scalar(0.5) * (1 + std::erf(z * kHalfRoot)) + z * kDensityAt0 * std::exp(Scalar(-0.5) * z * z);
  }

  neuron::Activation activation_;
  neuron::Rows<const Scalar> z_;
  std::vector<Scalar> activated_, z_gradient_;
};

template <typename Scalar>
struct PartsWithMaskOffByOne : neuron::TransformerParts<Scalar> {
  using Attention = PeekingHead<Scalar>;
};
template <typename Scalar>
struct PartsWithoutScale : neuron::TransformerParts<Scalar> {
  using Attention = UnscaledHead<Scalar>;
};
template <typename Scalar>
struct PartsWithoutMeanTerm : neuron::TransformerParts<Scalar> {
  using Norm = NormWithoutMeanTerm<Scalar>;
};
template <typename Scalar>
struct PartsWithErfDerivative : neuron::TransformerParts<Scalar> {
  using HiddenLayer = HiddenLayerWithErfDerivative<Scalar>;
};

// Networks with a fault: a right network behind a wrong reading of the canonical parameters. Plain SGD only.

/// Shared by both: what training changes is the canonical buffer, and the network behind is told.
template <typename Scalar>
class MisreadNetwork : public Network<Scalar> {
 public:
  std::unique_ptr<ThreadClaim> claim_threads() override { return real_->claim_threads(); }
  /// Parameters and gradients only: plain SGD keeps no moments.
  void read(Content content, std::span<Scalar> values) const override {
    if (content == Content::parameters) {
      std::copy(present_.begin(), present_.end(), values.begin());
      return;
    }
    std::vector<Scalar> seen(static_cast<std::size_t>(parameter_layout(real_model_).size));
    real_->read(Content::gradients, seen);
    write_back(seen, values);
  }
  void write(Content, std::span<const Scalar> parameters) override {
    present_.assign(parameters.begin(), parameters.end());
    tell();
  }
  Evaluation evaluate(const Batch<Scalar>& batch) override { return real_->evaluate(batch); }
  StepResult compute_gradients(const Batch<Scalar>& batch) override { return real_->compute_gradients(batch); }
  void apply_update(const UpdateStep& update) override {
    std::vector<Scalar> gradients(present_.size());
    read(Content::gradients, gradients);
    for (std::size_t i = 0; i < present_.size(); ++i) {
      present_[i] -= static_cast<Scalar>(update.learning_rate) * gradients[i];
    }
    tell();
  }
  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    const StepResult result = compute_gradients(batch);
    apply_update(update);
    return result;
  }

 protected:
  explicit MisreadNetwork(const NetworkSettings& real_settings)
      : real_model_(real_settings.model), real_(std::make_unique<neuron::TransformerNetwork<Scalar>>(real_settings)) {}

  /// The parameters of the network behind, from the canonical ones.
  [[nodiscard]] virtual std::vector<Scalar> misread(std::vector<Scalar> parameters) const = 0;
  /// The canonical gradients, from those of the network behind.
  virtual void write_back(std::vector<Scalar>& seen, std::span<Scalar> gradients) const = 0;

 private:
  void tell() { real_->write(Content::parameters, misread(present_)); }

  ModelSettings real_model_;
  std::unique_ptr<Network<Scalar>> real_;
  std::vector<Scalar> present_;
};

/// The first two heads take each other's queries. One head has none to swap with: no fault then.
template <typename Scalar>
class SwappedHeads final : public MisreadNetwork<Scalar> {
 public:
  explicit SwappedHeads(const NetworkSettings& settings)
      : MisreadNetwork<Scalar>(settings), layout_(parameter_layout(settings.model)), heads_(settings.model.heads) {}

 private:
  void swap(std::span<Scalar> flat) const {
    if (heads_ < 2) return;
    for (const ParameterTensor& tensor : layout_.tensors) {
      if (tensor.name.find(".qkv.") == std::string::npos) continue;
      // A head's queries are 1 / (3H) of the rows, the first head's first.
      const std::ptrdiff_t head = tensor.size / (3 * heads_);
      const auto first = tensor_of(flat, tensor).begin();
      std::swap_ranges(first, first + head, first + head);
    }
  }
  [[nodiscard]] std::vector<Scalar> misread(std::vector<Scalar> parameters) const override {
    swap(parameters);
    return parameters;
  }
  void write_back(std::vector<Scalar>& seen, std::span<Scalar> gradients) const override {
    swap(seen);
    std::copy(seen.begin(), seen.end(), gradients.begin());
  }

  ParameterLayout layout_;
  std::int64_t heads_;
};

/// Tied embeddings whose gradient has the head's share only. Untied ones are left as they are.
template <typename Scalar>
class UnsummedTies final : public MisreadNetwork<Scalar> {
 public:
  explicit UnsummedTies(const NetworkSettings& settings)
      : MisreadNetwork<Scalar>(untied(settings)),
        is_tied_(settings.model.tied_embeddings),
        table_size_(settings.model.vocabulary_size * settings.model.d_model) {}

 private:
  static NetworkSettings untied(NetworkSettings settings) {
    settings.model.tied_embeddings = false;
    return settings;
  }
  [[nodiscard]] std::vector<Scalar> misread(std::vector<Scalar> parameters) const override {
    const std::vector<Scalar> table(parameters.begin(), parameters.begin() + table_size_);
    if (is_tied_) parameters.insert(parameters.end(), table.begin(), table.end());
    return parameters;
  }
  void write_back(std::vector<Scalar>& seen, std::span<Scalar> gradients) const override {
    std::copy_n(seen.begin(), gradients.size(), gradients.begin());
    if (is_tied_) std::copy_n(seen.end() - table_size_, table_size_, gradients.begin());
  }

  bool is_tied_;
  std::ptrdiff_t table_size_;
};

/// The check that must catch a fault; `reference`, agreement with the float64 `neuron`, must catch all of them.
enum class Check { finite_differences, reference };

struct FaultyTransformer {
  Backend backend;
  Check caught_by;
};

template <typename Scalar, typename AnyNetwork>
std::unique_ptr<Network<Scalar>> make_faulty_transformer(const NetworkSettings& settings) {
  return std::make_unique<AnyNetwork>(settings);
}

template <template <typename> typename AnyNetwork>
constexpr Backend faulty_network_row(std::string_view name) {
  return {name,
          "planted fault",
          1,
          true,
          make_faulty_transformer<float, AnyNetwork<float>>,
          make_faulty_transformer<double, AnyNetwork<double>>};
}

template <template <typename> typename Parts>
struct WithParts {
  template <typename Scalar>
  using Transformer = neuron::TransformerNetwork<Scalar, Parts<Scalar>>;
};

template <template <typename> typename Parts>
constexpr Backend faulty_parts_row(std::string_view name) {
  return faulty_network_row<WithParts<Parts>::template Transformer>(name);
}

/// One per fault. They show on a transformer with tied embeddings, gelu, two heads or more that are wider than 1, and a
/// context of two or more; where a fault has nothing to spoil, its network is right. The two that misread parameters
/// know plain SGD only.
inline constexpr std::array kFaultyTransformers = {
    FaultyTransformer{faulty_parts_row<PartsWithMaskOffByOne>("mask_off_by_one"), Check::reference},
    FaultyTransformer{faulty_parts_row<PartsWithoutScale>("no_attention_scale"), Check::reference},
    FaultyTransformer{faulty_network_row<SwappedHeads>("swapped_heads"), Check::reference},
    FaultyTransformer{faulty_parts_row<PartsWithoutMeanTerm>("norm_without_mean_term"), Check::finite_differences},
    FaultyTransformer{faulty_parts_row<PartsWithErfDerivative>("erf_gelu_derivative"), Check::finite_differences},
    FaultyTransformer{faulty_network_row<UnsummedTies>("unsummed_ties"), Check::finite_differences},
};

}  // namespace stepbench::testing
