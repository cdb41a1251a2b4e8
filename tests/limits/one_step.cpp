// Trains a network for some steps and does nothing else, for a cache simulator to count what a step fetches; prints
// what the model of bytes says of a step. `stepbench_one_step mlp|transformer STEPS`
//
// On `threads`, whose own products read weights and activations where they lie. Of all backends only this one is
// linked: a simulator reads every library's symbols first.
#include <fmt/format.h>

#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/models/parameters.hpp"
#include "core/models/step_work.hpp"
#include "variants/threads/threads.hpp"

namespace stepbench {
namespace {

/// Weights far beyond the simulated cache, which holds what one operation reads again. The whole batch goes forward and
/// backward together: of two shards, each would read all weights.
NetworkSettings settings_of(const std::string& model) {
  NetworkSettings settings;
  settings.training.optimizer = Optimizer::momentum;
  settings.training.learning_rate = 0.01;
  settings.training.gradient_clip = 1.0;  // so that gradients are formed, and taken, as the model counts them
  if (model == "mlp") {
    settings.model.layers = {384, 640, 384, 10};
    settings.max_batch = 32;
    settings.own = {{"shard_rows", std::int64_t{32}}};
    return settings;
  }
  settings.model.kind = ModelKind::transformer;
  settings.model.d_model = 192;
  settings.model.heads = 4;
  settings.model.blocks = 1;
  settings.model.context = 32;
  settings.model.vocabulary_size = 64;
  settings.max_batch = 4;
  settings.own = {{"shard_rows", std::int64_t{128}}};
  return settings;
}

struct Samples {
  std::vector<float> features;
  std::vector<std::int32_t> labels, tokens, targets;
};

/// Numbers without a pattern that a step would see, of about `size`: drawn ones would take longer than the steps.
float value_at(std::int64_t i, float size) { return size * (static_cast<float>(i * 7919 % 101) - 50) / 50; }

Samples samples_of(const NetworkSettings& settings) {
  const ModelSettings& model = settings.model;
  Samples samples;
  const auto below = [](std::int64_t i, std::int64_t bound) { return static_cast<std::int32_t>(i * 7919 % bound); };
  if (model.kind == ModelKind::mlp) {
    for (std::int64_t i = 0; i < settings.max_batch * model.layers.front(); ++i) {
      samples.features.push_back(value_at(i, 1));
    }
    for (std::int64_t b = 0; b < settings.max_batch; ++b) samples.labels.push_back(below(b, model.layers.back()));
  } else {
    for (std::int64_t i = 0; i < settings.max_batch * model.context; ++i) {
      samples.tokens.push_back(below(i, model.vocabulary_size));
      samples.targets.push_back(below(i + 1, model.vocabulary_size));
    }
  }
  return samples;
}

void train(const NetworkSettings& settings, int steps) {
  const auto network = threads_backend().make<float>(settings);
  std::vector<float> parameters(static_cast<std::size_t>(parameter_layout(settings.model).size));
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i] = value_at(static_cast<std::int64_t>(i), 0.02F);
  network->write(Content::parameters, parameters);
  const Samples samples = samples_of(settings);
  const std::int64_t counted = settings.max_batch * std::max<std::int64_t>(1, settings.model.context);
  const Batch<float> batch{.size = settings.max_batch,
                           .counted = counted,
                           .features = samples.features,
                           .labels = samples.labels,
                           .targets = {},
                           .tokens = samples.tokens,
                           .target_tokens = samples.targets};
  const auto claim = network->claim_threads();
  for (int step = 0; step < steps; ++step) {
    static_cast<void>(network->train_step(batch, {.learning_rate = 0.01, .number = step + 1}));
  }
}

}  // namespace
}  // namespace stepbench

int main(int count, char** arguments) try {
  if (count != 3) throw std::invalid_argument("stepbench_one_step mlp|transformer STEPS");
  const stepbench::NetworkSettings settings = stepbench::settings_of(arguments[1]);
  stepbench::train(settings, std::atoi(arguments[2]));
  const stepbench::StepWork work = stepbench::step_work(settings.model, settings.training, settings.max_batch);
  std::cout << fmt::format("{:.0f}\n", work.fetched());
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 2;
}
