#include "experiments/sample/transformer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <string>

namespace stepbench::sample {
namespace {

constexpr double kNormEpsilon = 1e-5;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

double dot(std::span<const double> a, std::span<const double> b) {
  // Sums that do not wait for each other, which the compiler may keep in one vector register.
  std::array<double, 8> sums{};
  std::size_t i = 0;
  for (; i + sums.size() <= a.size(); i += sums.size()) {
    for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += a[i + j] * b[i + j];
  }
  double sum = 0;
  for (; i < a.size(); ++i) sum += a[i] * b[i];
  for (const double part : sums) sum += part;
  return sum;
}

/// `bias` may be empty.
void multiply(std::span<const double> weight, std::span<const double> bias, std::span<const double> x,
              std::span<double> y) {
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] = dot(weight.subspan(i * x.size(), x.size()), x) + (bias.empty() ? 0 : bias[i]);
  }
}

void layer_norm(std::span<const double> weight, std::span<const double> bias, std::span<const double> x,
                std::span<double> y) {
  const auto count = static_cast<double>(x.size());
  double mean = 0, variance = 0;
  for (const double value : x) mean += value;
  mean /= count;
  for (const double value : x) variance += (value - mean) * (value - mean);
  const double scale = 1 / std::sqrt(variance / count + kNormEpsilon);
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

double activate(MlpActivation activation, double x) {
  if (activation == MlpActivation::relu) return std::max(x, 0.0);
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

/// P[t, 2i] = sin(t / 10000^(2i/D)), P[t, 2i+1] = cos(t / 10000^(2i/D)).
double sinusoidal_position(std::size_t t, std::size_t column, std::size_t width) {
  const auto even = static_cast<double>(column - column % 2);
  const double angle = static_cast<double>(t) / std::pow(10000.0, even / static_cast<double>(width));
  return column % 2 == 0 ? std::sin(angle) : std::cos(angle);
}

void add(std::span<const double> from, std::span<double> to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

}  // namespace

TransformerSampler::TransformerSampler(const ModelSettings& model, std::vector<double> parameters)
    : model_(model), parameters_(std::move(parameters)) {
  std::map<std::string, std::span<const double>> tensors;
  for (const ParameterTensor& tensor : parameter_layout(model).tensors) {
    tensors[tensor.name] = tensor_of(std::span<const double>(parameters_), tensor);
  }
  const auto linear = [&tensors](const std::string& name) {
    return Linear{tensors.at(name + ".weight"), tensors.at(name + ".bias")};
  };
  const auto norm = [&tensors](const std::string& name) {
    return Norm{tensors.at(name + ".weight"), tensors.at(name + ".bias")};
  };
  token_embedding_ = tensors.at("token_embedding.weight");
  if (model.position == PositionEncoding::learned) position_embedding_ = tensors.at("position_embedding.weight");
  for (std::int64_t i = 0; i < model.blocks; ++i) {
    const std::string name = "blocks." + std::to_string(i);
    blocks_.push_back({.norm1 = norm(name + ".norm1"),
                       .norm2 = norm(name + ".norm2"),
                       .qkv = linear(name + ".attention.qkv"),
                       .output = linear(name + ".attention.output"),
                       .up = linear(name + ".mlp.up"),
                       .down = linear(name + ".mlp.down"),
                       .keys = {},
                       .values = {}});
  }
  final_norm_ = norm("final_norm");
  head_ = model.tied_embeddings ? token_embedding_ : tensors.at("head.weight");

  const std::size_t width = index(model.d_model);
  for (std::vector<double>* rows : {&residual_, &normal_, &mixed_}) rows->resize(width);
  qkv_.resize(3 * width);
  wide_.resize(4 * width);
  logits_.resize(index(model.vocabulary_size));
}

std::span<const double> TransformerSampler::read(std::int32_t token) {
  if (std::ssize(window_) == model_.context) {
    const std::int64_t kept = std::max<std::int64_t>(model_.context / 2, 1) - 1;  // besides the new token
    const std::vector<std::int32_t> again(window_.end() - kept, window_.end());
    window_.clear();
    for (Block& block : blocks_) {
      block.keys.clear();
      block.values.clear();
    }
    for (const std::int32_t earlier : again) append(earlier);
  }
  append(token);
  layer_norm(final_norm_.weight, final_norm_.bias, residual_, normal_);
  multiply(head_, {}, normal_, logits_);
  return logits_;
}

void TransformerSampler::append(std::int32_t token) {
  const std::size_t width = residual_.size(), position = window_.size();
  window_.push_back(token);
  const std::span<const double> embedding = token_embedding_.subspan(index(token) * width, width);
  std::copy(embedding.begin(), embedding.end(), residual_.begin());
  if (model_.position == PositionEncoding::learned) {
    add(position_embedding_.subspan(position * width, width), residual_);
  } else {
    for (std::size_t i = 0; i < width; ++i) residual_[i] += sinusoidal_position(position, i, width);
  }
  for (Block& block : blocks_) {
    layer_norm(block.norm1.weight, block.norm1.bias, residual_, normal_);
    multiply(block.qkv.weight, block.qkv.bias, normal_, qkv_);
    attend(block);
    multiply(block.output.weight, block.output.bias, mixed_, normal_);
    add(normal_, residual_);

    layer_norm(block.norm2.weight, block.norm2.bias, residual_, normal_);
    multiply(block.up.weight, block.up.bias, normal_, wide_);
    for (double& value : wide_) value = activate(model_.activation, value);
    multiply(block.down.weight, block.down.bias, wide_, normal_);
    add(normal_, residual_);
  }
}

/// The new token's query, in qkv_, against the keys of the window; causal since later tokens are not there yet.
void TransformerSampler::attend(Block& block) {
  const std::size_t width = residual_.size(), head_width = width / index(model_.heads), tokens = window_.size();
  const std::span<const double> qkv = qkv_;
  block.keys.insert(block.keys.end(), qkv_.begin() + model_.d_model, qkv_.begin() + 2 * model_.d_model);
  block.values.insert(block.values.end(), qkv_.begin() + 2 * model_.d_model, qkv_.end());
  const double scale = 1 / std::sqrt(static_cast<double>(head_width));
  scores_.resize(tokens);
  std::fill(mixed_.begin(), mixed_.end(), 0.0);
  for (std::size_t begin = 0; begin < width; begin += head_width) {
    const std::span<const double> query = qkv.subspan(begin, head_width);
    for (std::size_t t = 0; t < tokens; ++t) {
      scores_[t] = scale * dot(query, std::span<const double>(block.keys).subspan(t * width + begin, head_width));
    }
    const double largest = *std::max_element(scores_.begin(), scores_.end());
    double sum = 0;
    for (double& score : scores_) sum += score = std::exp(score - largest);
    for (std::size_t t = 0; t < tokens; ++t) {
      const double share = scores_[t] / sum;
      for (std::size_t i = begin; i < begin + head_width; ++i) mixed_[i] += share * block.values[t * width + i];
    }
  }
}

}  // namespace stepbench::sample
