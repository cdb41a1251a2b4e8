// What can be read of a network and written into another, and parts of a batch: what checkpoints and ranks stand on.
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/models/parameters.hpp"
#include "tests/support/relative_error.hpp"
#include "tests/variants/each_backend.hpp"
#include "tests/variants/random_transformer.hpp"

namespace stepbench::testing {
namespace {

constexpr std::int64_t kBatch = 12, kContext = 5;

NetworkSettings mlp_settings(Loss loss) {
  NetworkSettings settings;
  settings.model.layers = {7, 9, 4};
  settings.model.loss = loss;
  settings.max_batch = kBatch;
  return settings;
}

NetworkSettings transformer_settings() {
  NetworkSettings settings;
  settings.model.kind = ModelKind::transformer;
  settings.model.init = Initialisation::gpt2;
  settings.model.d_model = 8;
  settings.model.heads = 2;
  settings.model.blocks = 1;
  settings.model.context = kContext;
  settings.model.vocabulary_size = 11;
  settings.max_batch = kBatch;
  return settings;
}

/// kBatch random samples for either kind of model, some tokens of which do not count.
struct Samples {
  std::vector<double> features, targets;
  std::vector<std::int32_t> labels;
  TokenData tokens;

  Samples(const ModelSettings& model, std::uint64_t seed) : tokens(transformer_settings().model, kBatch, seed, 0.3) {
    if (model.kind == ModelKind::transformer) return;
    RandomStream stream(seed, Purpose::generated_data);
    features.resize(static_cast<std::size_t>(kBatch * model.layers.front()));
    targets.resize(static_cast<std::size_t>(kBatch * model.layers.back()));
    for (std::vector<double>* values : {&features, &targets}) {
      for (double& value : *values) value = stream.uniform();
    }
    for (std::int64_t b = 0; b < kBatch; ++b) labels.push_back(static_cast<std::int32_t>(b % model.layers.back()));
  }

  /// Samples begin .. end-1 as a part of the whole batch.
  [[nodiscard]] Batch<double> part(const ModelSettings& model, std::int64_t begin, std::int64_t end) const {
    const auto rows = [&](const auto& values, std::int64_t width) {
      return std::span(values).subspan(static_cast<std::size_t>(begin * width),
                                       static_cast<std::size_t>((end - begin) * width));
    };
    Batch<double> batch;
    batch.size = end - begin;
    if (model.kind == ModelKind::transformer) {
      batch.counted = tokens.view<double>().counted;
      batch.tokens = rows(tokens.tokens, kContext);
      batch.target_tokens = rows(tokens.target_tokens, kContext);
    } else {
      batch.counted = kBatch;
      batch.features = rows(features, model.layers.front());
      batch.labels = rows(labels, 1);
      batch.targets = rows(targets, model.layers.back());
    }
    return batch;
  }
};

std::vector<NetworkSettings> all_settings() {
  return {mlp_settings(Loss::cross_entropy), mlp_settings(Loss::squared_error), transformer_settings()};
}

std::vector<double> read(const Network<double>& network, Content content, std::size_t size) {
  std::vector<double> values(size);
  network.read(content, values);
  return values;
}

}  // namespace

TEST_CASE("losses and gradients of the parts of a batch add up to those of the whole") {
  for (const NetworkSettings& problem : all_settings()) {
    const Samples samples(problem.model, 3);
    const std::vector<double> start = initial_parameters<double>(problem.model, 5);
    for_each_backend([&](const Backend& backend, std::int64_t threads) {
      NetworkSettings settings = problem;
      settings.threads = threads;
      const auto network = backend.make<double>(settings);
      const auto claim = network->claim_threads();
      network->write(Content::parameters, start);
      const auto gradients_of = [&](std::int64_t begin, std::int64_t end, double& loss) {
        loss += network->compute_gradients(samples.part(problem.model, begin, end)).loss;
        return read(*network, Content::gradients, start.size());
      };
      double whole_loss = 0, loss = 0;
      const std::vector<double> whole = gradients_of(0, kBatch, whole_loss);
      std::vector<double> sum = gradients_of(0, 5, loss);
      const std::vector<double> rest = gradients_of(5, kBatch, loss);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += rest[i];
      CHECK(loss == Approx(whole_loss).epsilon(1e-12));
      CHECK(relative_l2_error(sum, whole) < 1e-12);
    });
  }
}

TEST_CASE("a training goes on to the same bits in a network that was given parameters and moments of another") {
  for (const Optimizer optimizer : {Optimizer::sgd, Optimizer::momentum, Optimizer::adam, Optimizer::adamw}) {
    for (const NetworkSettings& problem : all_settings()) {
      INFO("optimizer " << static_cast<int>(optimizer) << ", model " << static_cast<int>(problem.model.kind));
      const Samples samples(problem.model, 3);
      const Batch<double> batch = samples.part(problem.model, 0, kBatch);
      const std::vector<double> start = initial_parameters<double>(problem.model, 5);
      for_each_backend([&](const Backend& backend, std::int64_t threads) {
        NetworkSettings settings = problem;
        settings.training.optimizer = optimizer;
        settings.threads = threads;
        const auto train = [&](Network<double>& network, std::int64_t first, std::int64_t last) {
          const auto claim = network.claim_threads();
          for (std::int64_t step = first; step <= last; ++step) {
            network.train_step(batch, {.learning_rate = 0.01, .number = step});
          }
        };
        const auto whole = backend.make<double>(settings), before = backend.make<double>(settings),
                   after = backend.make<double>(settings);
        whole->write(Content::parameters, start);
        train(*whole, 1, 6);
        before->write(Content::parameters, start);
        train(*before, 1, 3);
        for (const Content content : {Content::parameters, Content::first_moment, Content::second_moment}) {
          after->write(content, read(*before, content, start.size()));
        }
        train(*after, 4, 6);
        CHECK(read(*after, Content::parameters, start.size()) == read(*whole, Content::parameters, start.size()));
      });
    }
  }
}

TEST_CASE("an update applies the gradients that were written, and parameters are a fresh start") {
  const NetworkSettings problem = mlp_settings(Loss::cross_entropy);
  const std::vector<double> start = initial_parameters<double>(problem.model, 5);
  for_each_backend([&](const Backend& backend, std::int64_t threads) {
    NetworkSettings settings = problem;
    settings.training.optimizer = Optimizer::momentum;
    settings.threads = threads;
    const auto network = backend.make<double>(settings);
    const auto claim = network->claim_threads();
    network->write(Content::parameters, start);
    network->write(Content::gradients, std::vector<double>(start.size(), 0.5));
    network->apply_update({.learning_rate = 0.1, .number = 1});
    const std::vector<double> moved = read(*network, Content::parameters, start.size());
    for (std::size_t i = 0; i < start.size(); ++i) CHECK(moved[i] == Approx(start[i] - 0.05).margin(1e-15));
    CHECK(read(*network, Content::first_moment, start.size()) == std::vector<double>(start.size(), 0.5));
    CHECK(read(*network, Content::second_moment, start.size()) == std::vector<double>(start.size(), 0));
    network->write(Content::parameters, start);
    CHECK(read(*network, Content::first_moment, start.size()) == std::vector<double>(start.size(), 0));
  });
}

}  // namespace stepbench::testing
