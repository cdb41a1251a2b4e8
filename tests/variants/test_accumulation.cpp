// Micro-batches: every backend of the registry forms with them the gradients that it forms of whole batches, or with
// Divisor::naive the mean of the micro-batches' own.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/models/parameters.hpp"
#include "core/random.hpp"
#include "tests/support/relative_error.hpp"
#include "tests/variants/each_backend.hpp"

namespace stepbench::testing {
namespace {

constexpr double kTolerance = 1e-12;  // relative L2 in float64: sums in another order
constexpr std::int64_t kBatch = 23;

struct Samples {
  std::vector<double> features;
  std::vector<std::int32_t> labels, tokens, target_tokens;

  /// Of a batch of `first` .. `first + size` - 1, with its own count.
  [[nodiscard]] Batch<double> part(const ModelSettings& model, std::int64_t first, std::int64_t size) const {
    Batch<double> batch;
    batch.size = batch.counted = size;
    const auto rows = [&](const auto& values, std::int64_t width) {
      return std::span(values).subspan(static_cast<std::size_t>(first * width), static_cast<std::size_t>(size * width));
    };
    if (model.kind == ModelKind::mlp) {
      batch.features = rows(features, model.layers.front());
      batch.labels = rows(labels, 1);
    } else {
      batch.tokens = rows(tokens, model.context);
      batch.target_tokens = rows(target_tokens, model.context);
      batch.counted = std::ssize(batch.target_tokens) - std::ranges::count(batch.target_tokens, kNotCounted);
    }
    return batch;
  }
};

Samples draw(const ModelSettings& model) {
  Samples samples;
  RandomStream stream(3, Purpose::generated_data);
  for (std::int64_t b = 0; b < kBatch; ++b) {
    if (model.kind == ModelKind::mlp) {
      for (std::int64_t f = 0; f < model.layers.front(); ++f) samples.features.push_back(stream.uniform());
      samples.labels.push_back(
          static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(model.layers.back()))));
      continue;
    }
    const auto counted = static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(model.context))) + 1;
    for (std::int64_t t = 0; t < model.context; ++t) {
      const auto vocabulary = static_cast<std::uint64_t>(model.vocabulary_size);
      samples.tokens.push_back(static_cast<std::int32_t>(stream.below(vocabulary)));
      const auto target = static_cast<std::int32_t>(stream.below(vocabulary));
      samples.target_tokens.push_back(t < counted ? target : kNotCounted);
    }
  }
  return samples;
}

std::vector<NetworkSettings> problems() {
  NetworkSettings mlp;
  mlp.max_batch = kBatch;
  mlp.model.layers = {9, 14, 4};
  NetworkSettings transformer;
  transformer.max_batch = kBatch;
  transformer.model.kind = ModelKind::transformer;
  transformer.model.d_model = 8;
  transformer.model.heads = 2;
  transformer.model.blocks = 1;
  transformer.model.context = 6;
  transformer.model.vocabulary_size = 7;
  return {mlp, transformer};
}

struct Step {
  double loss = 0;
  std::vector<double> gradients, parameters;  // after the step
};

Step step(const Backend& backend, const NetworkSettings& settings, const Batch<double>& batch) {
  const auto network = backend.make<double>(settings);
  const auto claim = network->claim_threads();
  Step step;
  step.parameters = initial_parameters<double>(settings.model, 5);
  step.gradients.resize(step.parameters.size());
  network->write(Content::parameters, step.parameters);
  step.loss = network->compute_gradients(batch).loss;
  network->read(Content::gradients, step.gradients);
  CHECK(network->train_step(batch, {.learning_rate = 0.1, .number = 1}).loss == step.loss);
  network->read(Content::parameters, step.parameters);
  return step;
}

/// Micro-batches that divide the batch, that leave a rest, of one sample, and one that has all of it.
constexpr std::int64_t kMicroBatches[] = {1, 7, 12, kBatch};

TEST_CASE("micro-batches give the loss, gradients and step of the whole batch") {
  for (NetworkSettings settings : problems()) {
    const Samples samples = draw(settings.model);
    settings.training.gradient_clip = 0.01;  // which has to see the sum
    const Batch<double> batch = samples.part(settings.model, 0, kBatch);
    for_each_backend([&](const Backend& backend, std::int64_t threads) {
      settings.threads = threads;
      settings.training.micro_batch.reset();
      const Step whole = step(backend, settings, batch);
      for (const std::int64_t micro : kMicroBatches) {
        INFO("micro-batches of " << micro);
        settings.training.micro_batch = micro;
        const Step parts = step(backend, settings, batch);
        CHECK(parts.loss == Approx(whole.loss).epsilon(kTolerance));
        CHECK(relative_l2_error(parts.gradients, whole.gradients) <= kTolerance);
        CHECK(relative_l2_error(parts.parameters, whole.parameters) <= kTolerance);
      }
    });
  }
}

TEST_CASE("the naive divisor gives the mean of the micro-batches' own means") {
  const Backend& reference = *find_backend(backends(), kReferenceBackend);
  constexpr std::int64_t kMicro = 7;  // 7, 7, 7 and 2 samples
  for (NetworkSettings settings : problems()) {
    const Samples samples = draw(settings.model);
    Step mean;
    const std::int64_t parts = (kBatch + kMicro - 1) / kMicro;
    for (std::int64_t first = 0; first < kBatch; first += kMicro) {
      const Step part =
          step(reference, settings, samples.part(settings.model, first, std::min(kMicro, kBatch - first)));
      mean.loss += part.loss / static_cast<double>(parts);
      mean.gradients.resize(part.gradients.size());
      for (std::size_t i = 0; i < part.gradients.size(); ++i) {
        mean.gradients[i] += part.gradients[i] / static_cast<double>(parts);
      }
    }
    const Batch<double> batch = samples.part(settings.model, 0, kBatch);
    const Step whole = step(reference, settings, batch);
    for_each_backend([&](const Backend& backend, std::int64_t threads) {
      NetworkSettings naive = settings;
      naive.threads = threads;
      naive.training.micro_batch = kMicro;
      naive.training.divisor = Divisor::naive;
      const Step actual = step(backend, naive, batch);
      CHECK(actual.loss == Approx(mean.loss).epsilon(kTolerance));
      CHECK(relative_l2_error(actual.gradients, mean.gradients) <= kTolerance);
      CHECK(relative_l2_error(actual.gradients, whole.gradients) > 0.01);  // and that is another gradient
    });
  }
}

TEST_CASE("micro-batches evaluate as the whole batch does, naive or not") {
  for (NetworkSettings settings : problems()) {
    const Samples samples = draw(settings.model);
    const Batch<double> batch = samples.part(settings.model, 0, kBatch);
    for_each_backend([&](const Backend& backend, std::int64_t threads) {
      settings.threads = threads;
      settings.training.divisor = Divisor::naive;
      const auto evaluate = [&](std::optional<std::int64_t> micro) {
        settings.training.micro_batch = micro;
        const auto network = backend.make<double>(settings);
        const auto claim = network->claim_threads();
        network->write(Content::parameters, initial_parameters<double>(settings.model, 5));
        return network->evaluate(batch);
      };
      const Evaluation whole = evaluate(std::nullopt), parts = evaluate(7);
      CHECK(parts.loss == Approx(whole.loss).epsilon(kTolerance));
      CHECK(parts.correct == whole.correct);
    });
  }
}

/// The moments of a step's gradients by the gradients of its micro-batches, each asked for by itself.
GradientMoments moments_of_parts(const NetworkSettings& settings, const Samples& samples, std::int64_t micro) {
  const Backend& reference = *find_backend(backends(), kReferenceBackend);
  const Batch<double> batch = samples.part(settings.model, 0, kBatch);
  double all = 0, count = 0;
  for (std::int64_t first = 0; first < kBatch; first += micro, ++count) {
    const Batch<double> part = samples.part(settings.model, first, std::min(micro, kBatch - first));
    const double weight = static_cast<double>(kBatch * part.counted) / static_cast<double>(batch.counted);
    for (const double gradient : step(reference, settings, part).gradients) all += weight * gradient * gradient;
  }
  double square = 0;
  for (const double gradient : step(reference, settings, batch).gradients) square += gradient * gradient;
  const double variance = (all - kBatch * square) / (count - 1);
  return {.square = square - variance / kBatch, .variance = variance};
}

TEST_CASE("a step of micro-batches tells the moments of its gradients, where it is asked to") {
  for (NetworkSettings settings : problems()) {
    const Samples samples = draw(settings.model);
    const Batch<double> batch = samples.part(settings.model, 0, kBatch);
    for (const std::int64_t micro : {1, 7}) {
      settings.training.micro_batch.reset();
      settings.threads = 1;
      const GradientMoments expected = moments_of_parts(settings, samples, micro);
      REQUIRE(expected.variance > 0);
      settings.training.micro_batch = micro;
      for_each_backend([&](const Backend& backend, std::int64_t threads) {
        INFO("micro-batches of " << micro);
        settings.threads = threads;
        for (const bool asked : {true, false}) {
          settings.gradient_noise = asked;
          const auto network = backend.make<double>(settings);
          const auto claim = network->claim_threads();
          network->write(Content::parameters, initial_parameters<double>(settings.model, 5));
          const GradientMoments found = network->train_step(batch, {.learning_rate = 0.1, .number = 1}).gradient;
          CHECK(std::isnan(found.variance) != asked);
          if (!asked) continue;
          CHECK(found.variance == Approx(expected.variance).epsilon(1e-9));
          CHECK(found.square == Approx(expected.square).epsilon(1e-9).margin(1e-9 * expected.variance));
        }
      });
    }
  }
}

TEST_CASE("a micro-batch that counts nothing says nothing of the moments") {
  NetworkSettings settings = problems().back();
  Samples samples = draw(settings.model);
  const auto context = static_cast<std::size_t>(settings.model.context);
  std::fill_n(samples.target_tokens.begin() + static_cast<std::ptrdiff_t>(3 * context), context, kNotCounted);
  settings.training.micro_batch = 1;
  settings.gradient_noise = true;
  const auto moments_with = [&](std::int64_t size) {
    const auto network = find_backend(backends(), "blas")->make<double>(settings);
    const auto claim = network->claim_threads();
    network->write(Content::parameters, initial_parameters<double>(settings.model, 5));
    return network->compute_gradients(samples.part(settings.model, 0, size)).gradient;
  };
  const GradientMoments without = moments_with(3), with = moments_with(4);
  // The same three gradients, and four samples where there were three.
  CHECK(with.variance == Approx(without.variance * 4 / 3));
  CHECK(with.square == Approx(without.square));
}

class CountedRows final : public FeatureRows {
 public:
  void fetch(std::int64_t begin, std::int64_t end) const override {
    for (std::int64_t row = begin; row < end; ++row) rows.push_back(row);
  }
  mutable std::vector<std::int64_t> rows;
};

TEST_CASE("each row of a batch of micro-batches is fetched, before it is read") {
  NetworkSettings settings = problems().front();
  settings.training.micro_batch = 7;
  const Samples samples = draw(settings.model);
  Batch<double> batch = samples.part(settings.model, 0, kBatch);
  const auto network = find_backend(backends(), "tbb")->make<double>(settings);
  REQUIRE(network->fetches_features());
  const auto claim = network->claim_threads();
  CountedRows rows;
  batch.pending = &rows;
  network->train_step(batch, {.learning_rate = 0.1, .number = 1});
  std::ranges::sort(rows.rows);
  REQUIRE(std::ssize(rows.rows) == kBatch);
  for (std::int64_t row = 0; row < kBatch; ++row) CHECK(rows.rows[static_cast<std::size_t>(row)] == row);
}

}  // namespace
}  // namespace stepbench::testing
