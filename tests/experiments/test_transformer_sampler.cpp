// The sampler's forward pass against another way to the same logits: the whole window at once, position by position of
// a (T, T) score matrix, nothing cached, straight from DESIGN-order names and shapes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <numbers>

#include "experiments/sample/transformer.hpp"
#include "tests/experiments/stored_trials.hpp"

namespace stepbench::testing {
namespace {

using Rows = std::vector<std::vector<double>>;

/// The textbook forward pass over all tokens of a window.
class PlainTransformer {
 public:
  PlainTransformer(const ModelSettings& model, const std::vector<double>& parameters) : model_(model) {
    for (const ParameterTensor& tensor : parameter_layout(model).tensors) {
      const auto values = tensor_of(std::span<const double>(parameters), tensor);
      tensors_[tensor.name] = {values.begin(), values.end()};
    }
  }

  /// Logits after the last token.
  [[nodiscard]] std::vector<double> logits(const std::vector<std::int32_t>& tokens) const {
    Rows x;
    for (std::size_t t = 0; t < tokens.size(); ++t) x.push_back(embed(static_cast<std::size_t>(tokens[t]), t));
    for (std::int64_t i = 0; i < model_.blocks; ++i) {
      const std::string block = "blocks." + std::to_string(i);
      add(x,
          linear(attention(linear(norm(x, block + ".norm1"), block + ".attention.qkv")), block + ".attention.output"));
      Rows hidden = linear(norm(x, block + ".norm2"), block + ".mlp.up");
      for (auto& row : hidden) std::transform(row.begin(), row.end(), row.begin(), [&](double z) { return bend(z); });
      add(x, linear(hidden, block + ".mlp.down"));
    }
    return product(norm(x, "final_norm").back(),
                   tensors_.at(model_.tied_embeddings ? "token_embedding.weight" : "head.weight"));
  }

 private:
  [[nodiscard]] std::vector<double> embed(std::size_t token, std::size_t t) const {
    const auto width = static_cast<std::size_t>(model_.d_model);
    std::vector<double> row(width);
    for (std::size_t d = 0; d < width; ++d) {
      const double rate = std::exp(-std::log(1e4) * static_cast<double>(d / 2 * 2) / static_cast<double>(width));
      const double angle = static_cast<double>(t) * rate;
      const double position = model_.position == PositionEncoding::learned
                                  ? tensors_.at("position_embedding.weight")[t * width + d]
                                  : (d % 2 == 0 ? std::sin(angle) : std::cos(angle));
      row[d] = tensors_.at("token_embedding.weight")[token * width + d] + position;
    }
    return row;
  }
  [[nodiscard]] static std::vector<double> product(const std::vector<double>& x, const std::vector<double>& weight) {
    std::vector<double> y(weight.size() / x.size());
    for (std::size_t k = 0; k < weight.size(); ++k) y[k / x.size()] += weight[k] * x[k % x.size()];
    return y;
  }
  [[nodiscard]] Rows linear(const Rows& x, const std::string& name) const {
    Rows y;
    for (const auto& row : x) y.push_back(product(row, tensors_.at(name + ".weight")));
    for (auto& row : y) {
      for (std::size_t i = 0; i < row.size(); ++i) row[i] += tensors_.at(name + ".bias")[i];
    }
    return y;
  }
  [[nodiscard]] Rows norm(const Rows& x, const std::string& name) const {
    Rows y = x;
    for (auto& row : y) {
      const auto count = static_cast<double>(row.size());
      double sum = 0, squares = 0;
      for (const double value : row) sum += value;
      for (const double value : row) squares += (value - sum / count) * (value - sum / count);
      for (std::size_t i = 0; i < row.size(); ++i) {
        row[i] = (row[i] - sum / count) / std::sqrt(squares / count + 1e-5) * tensors_.at(name + ".weight")[i] +
                 tensors_.at(name + ".bias")[i];
      }
    }
    return y;
  }
  [[nodiscard]] Rows attention(const Rows& qkv) const {
    const auto width = static_cast<std::size_t>(model_.d_model), head = width / static_cast<std::size_t>(model_.heads);
    Rows mixed(qkv.size(), std::vector<double>(width));
    for (std::size_t d = 0; d < width; ++d) {
      const std::size_t first = d / head * head;
      for (std::size_t t = 0; t < qkv.size(); ++t) {
        double denominator = 0, numerator = 0;
        for (std::size_t s = 0; s <= t; ++s) {
          double score = 0;
          for (std::size_t j = first; j < first + head; ++j) score += qkv[t][j] * qkv[s][width + j];
          const double weight = std::exp(score / std::sqrt(static_cast<double>(head)));
          denominator += weight;
          numerator += weight * qkv[s][2 * width + d];
        }
        mixed[t][d] = numerator / denominator;
      }
    }
    return mixed;
  }
  [[nodiscard]] double bend(double z) const {
    if (model_.activation == MlpActivation::relu) return z > 0 ? z : 0;
    return z / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (z + 0.044715 * std::pow(z, 3))));
  }
  static void add(Rows& x, const Rows& y) {
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (std::size_t d = 0; d < x[t].size(); ++d) x[t][d] += y[t][d];
    }
  }

  ModelSettings model_;
  std::map<std::string, std::vector<double>> tensors_;
};

double worst_error(std::span<const double> actual, const std::vector<double>& expected) {
  double error = actual.size() == expected.size() ? 0 : HUGE_VAL, scale = 0;
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  for (std::size_t i = 0; i < expected.size(); ++i) error = std::max(error, std::abs(actual[i] - expected[i]) / scale);
  return error;
}

std::vector<std::int32_t> some_tokens(std::int64_t count, std::int64_t vocabulary) {
  RandomStream stream(3, Purpose::generated_data);
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(vocabulary))));
  }
  return tokens;
}

constexpr double kRounding = 1e-12;  // of the largest logit; sums of tens of terms, two blocks deep

}  // namespace

TEST_CASE("token by token with a cache, the logits are those of the whole window at once") {
  ModelSettings model = small_transformer();
  model.position = GENERATE(PositionEncoding::learned, PositionEncoding::sinusoidal);
  model.activation = GENERATE(MlpActivation::gelu, MlpActivation::relu);
  model.tied_embeddings = GENERATE(false, true);
  model.heads = GENERATE(1, 2, 8);
  model.d_model = GENERATE(8, 24);
  const std::vector<double> parameters = random_parameters(model);
  sample::TransformerSampler sampler(model, parameters);
  const PlainTransformer plain(model, parameters);
  std::vector<std::int32_t> window;
  for (const std::int32_t token : some_tokens(model.context, model.vocabulary_size)) {
    window.push_back(token);
    INFO("position " << window.size() - 1);
    CHECK(worst_error(sampler.read(token), plain.logits(window)) <= kRounding);
  }
}

TEST_CASE("beyond the context, the window is the last half of it and what came since") {
  ModelSettings model = small_transformer();
  model.context = GENERATE(1, 2, 5, 6);
  const std::vector<double> parameters = random_parameters(model);
  sample::TransformerSampler sampler(model, parameters);
  const PlainTransformer plain(model, parameters);
  std::vector<std::int32_t> window;
  for (const std::int32_t token : some_tokens(4 * model.context + 1, model.vocabulary_size)) {
    const bool full = std::ssize(window) == model.context;
    window.push_back(token);
    if (full) window.erase(window.begin(), window.end() - std::max<std::int64_t>(model.context / 2, 1));
    INFO("window of " << window.size());
    CHECK(worst_error(sampler.read(token), plain.logits(window)) <= kRounding);
  }
}

}  // namespace stepbench::testing
