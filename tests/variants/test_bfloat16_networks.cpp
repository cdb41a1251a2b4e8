// Trainings in bfloat16, of every backend that has it: each rounding is where it is said to be, on any number of
// threads; what keeps small updates keeps them; and a backend without says so.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/bfloat16.hpp"
#include "core/models/parameters.hpp"
#include "core/network.hpp"
#include "core/random.hpp"
#include "tests/support/relative_error.hpp"
#include "tests/variants/same_bits.hpp"
#include "variants/registry.hpp"

namespace stepbench::testing {
namespace {

/// Samples that no bfloat16 holds, so that rounding them shows.
template <typename Scalar>
struct Samples {
  Samples(std::int64_t count, const ModelSettings& model, std::uint64_t seed) {
    RandomStream stream(seed, Purpose::generated_data);
    for (std::int64_t i = 0; i < count * model.layers.front(); ++i) {
      features.push_back(static_cast<Scalar>(static_cast<float>(stream.normal())));
    }
    for (std::int64_t i = 0; i < count * model.layers.back(); ++i) {
      targets.push_back(static_cast<Scalar>(static_cast<float>(stream.normal())));
    }
    for (std::int64_t b = 0; b < count; ++b) {
      labels.push_back(static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(model.layers.back()))));
    }
  }
  [[nodiscard]] Batch<Scalar> batch() const {
    return {.size = std::ssize(labels),
            .counted = std::ssize(labels),
            .features = features,
            .labels = labels,
            .targets = targets};
  }
  std::vector<Scalar> features, targets;
  std::vector<std::int32_t> labels;
};

NetworkSettings bfloat16_settings(std::vector<std::int64_t> layers, std::int64_t batch) {
  NetworkSettings settings;
  settings.model.layers = std::move(layers);
  settings.training.precision = Precision::bfloat16;
  settings.max_batch = batch;
  settings.seed = 7;
  return settings;
}

template <typename Scalar>
std::vector<Scalar> start_of(const ModelSettings& model) {
  std::vector<Scalar> values = initial_parameters<Scalar>(model, 5);
  for (Scalar& value : values) value = rounded_to_bfloat16(value);
  return values;
}

template <typename Scalar>
std::vector<Scalar> read(const Network<Scalar>& network, Content content, std::size_t size) {
  std::vector<Scalar> values(size);
  network.read(content, values);
  return values;
}

/// Calls check(backend, threads) of those that have it.
template <typename Check>
void for_each_with_bfloat16(const Check& check) {
  int checked = 0;
  for (const Backend& backend : backends_in_process()) {
    if (!backend.bfloat16 || !backend.absent.empty()) continue;
    for (const std::int64_t threads : {1, 3}) {
      if (threads > backend.max_threads) continue;
      INFO("backend " << backend.name << ", " << threads << " threads");
      check(backend, threads);
      ++checked;
    }
  }
  CHECK(checked >= 5);
}

/// Gradients, all tensors one after the other.
template <typename Scalar>
std::vector<Scalar> gradients(const Backend& backend, const NetworkSettings& settings) {
  const auto network = backend.make<Scalar>(settings);
  const auto claim = network->claim_threads();
  const std::vector<Scalar> start = start_of<Scalar>(settings.model);
  const Samples<Scalar> samples(settings.max_batch, settings.model, 3);
  network->write(Content::parameters, start);
  network->compute_gradients(samples.batch());
  return read(*network, Content::gradients, start.size());
}

const Backend& neuron() { return *find_backend(backends(), kReferenceBackend); }

}  // namespace

TEST_CASE("gradients in bfloat16 are those of float64 that is rounded at the same places") {
  // With one hidden layer few numbers round the other way; what one rounding less or more changes is told below.
  for (const Loss loss : {Loss::cross_entropy, Loss::squared_error}) {
    for (const OutputActivation output : {OutputActivation::linear, OutputActivation::relu}) {
      NetworkSettings settings = bfloat16_settings({40, 50, 21}, 64);
      settings.model.loss = loss;
      settings.model.output = output;
      const std::vector<double> expected = gradients<double>(neuron(), settings);
      NetworkSettings unrounded = settings;
      unrounded.training.precision = Precision::float64;
      CHECK(relative_l2_error(gradients<double>(neuron(), unrounded), expected) > 1e-3);
      for_each_with_bfloat16([&](const Backend& backend, std::int64_t threads) {
        settings.threads = threads;
        CHECK(relative_l2_error(gradients<float>(backend, settings), expected) <= 2e-4);
      });
    }
  }
}

TEST_CASE("gradients in bfloat16 of micro-batches add up to those of the batch, and are updated by") {
  NetworkSettings settings = bfloat16_settings({40, 50, 21}, 23);
  settings.training.gradient_clip = 0.01;  // which has to see the sum
  const std::vector<float> start = start_of<float>(settings.model);
  const Samples<float> samples(settings.max_batch, settings.model, 3);
  for_each_with_bfloat16([&](const Backend& backend, std::int64_t threads) {
    settings.threads = threads;
    settings.training.micro_batch.reset();
    const std::vector<float> whole = gradients<float>(backend, settings);
    settings.training.micro_batch = 7;
    CHECK(relative_l2_error(gradients<float>(backend, settings), whole) <= 1e-6);
    const auto network = backend.make<float>(settings);
    const auto claim = network->claim_threads();
    network->write(Content::parameters, start);
    network->train_step(samples.batch(), {.learning_rate = 100, .number = 1});
    std::vector<float> change = read(*network, Content::parameters, start.size());
    for (std::size_t i = 0; i < change.size(); ++i) change[i] = (start[i] - change[i]) / 100;
    std::vector<float> clipped = whole;
    double squares = 0;
    for (const float g : whole) squares += static_cast<double>(g) * static_cast<double>(g);
    for (float& g : clipped) g *= static_cast<float>(0.01 / std::sqrt(squares));
    CHECK(relative_l2_error(change, clipped) <= 0.02);  // of weights that are rounded
  });
}

TEST_CASE("the gradients of an MLP in bfloat16 lie in parts, which are what an update takes") {
  NetworkSettings settings = bfloat16_settings({20, 30, 10}, 8);
  const std::vector<float> start = start_of<float>(settings.model);
  const Samples<float> samples(settings.max_batch, settings.model, 3);
  const auto network = find_backend(backends(), "tbb")->make<float>(settings);
  const auto claim = network->claim_threads();
  network->write(Content::parameters, start);
  network->compute_gradients(samples.batch());
  const std::vector<std::span<float>> parts = network->gradient_parts();
  REQUIRE(parts.size() == 3);  // of two layers, and what else there is: nothing
  CHECK(parts.back().empty());
  for (const std::span<float>& part : parts) std::ranges::fill(part, 0.0F);
  CHECK(read(*network, Content::gradients, start.size()) == std::vector<float>(start.size()));
  network->apply_update({.learning_rate = 1, .number = 1});
  CHECK(read(*network, Content::parameters, start.size()) == start);
}

TEST_CASE("parameters in bfloat16 are numbers of it, whatever is written, and after every update") {
  for (const Optimizer optimizer : {Optimizer::sgd, Optimizer::momentum, Optimizer::adam, Optimizer::adamw}) {
    NetworkSettings settings = bfloat16_settings({12, 33, 17, 5}, 20);
    settings.training.optimizer = optimizer;
    settings.training.weight_decay = 0.01;
    settings.training.gradient_clip = 1.0;
    const std::vector<float> start = initial_parameters<float>(settings.model, 5);
    const Samples<float> samples(settings.max_batch, settings.model, 3);
    for_each_with_bfloat16([&](const Backend& backend, std::int64_t threads) {
      settings.threads = threads;
      const auto network = backend.make<float>(settings);
      const auto claim = network->claim_threads();
      network->write(Content::parameters, start);
      CHECK(read(*network, Content::parameters, start.size()) == start_of<float>(settings.model));
      network->train_step(samples.batch(), {.learning_rate = 0.01, .number = 1});
      const std::vector<float> moved = read(*network, Content::parameters, start.size());
      CHECK(std::ranges::all_of(moved, [](float value) { return rounded_to_bfloat16(value) == value; }));
      CHECK(moved != start_of<float>(settings.model));
    });
  }
}

TEST_CASE("a training in bfloat16 has the same bits on any number of threads, by every rule") {
  for (const int kind : {0, 1, 2, 3}) {
    NetworkSettings settings = bfloat16_settings({30, 70, 40, 5}, 50);
    settings.training.rounding = kind == 1 ? Rounding::stochastic : Rounding::nearest;
    settings.training.compensated = kind == 2;
    settings.training.master_weights = kind == 3;
    settings.training.optimizer = kind == 1 ? Optimizer::adam : Optimizer::sgd;
    if (kind == 2) settings.training.gradient_clip = 0.5;
    const std::vector<float> start = start_of<float>(settings.model);
    const Samples<float> one(50, settings.model, 1), two(50, settings.model, 2), rest(17, settings.model, 3);
    const std::vector<Batch<float>> batches = {one.batch(), two.batch(), rest.batch()};
    for (const char* name : {"tbb", "openmp", "threads"}) {
      const Backend& backend = *find_backend(backends(), name);
      if (!backend.absent.empty()) continue;
      const auto digest_on = [&](std::int64_t threads, std::int64_t cores) {
        NetworkSettings on = settings;
        on.threads = threads;
        on.cores = cores;
        return training_digest(backend, on, start, batches);
      };
      const std::string expected = digest_on(1, 0);
      for (const std::int64_t threads : {2, 3, 8}) CHECK(digest_on(threads, 0) == expected);
      for (const std::int64_t cores : {3, 16, 128}) CHECK(digest_on(2, cores) == expected);
    }
  }
}

TEST_CASE("two seeds round differently, and the backends draw alike for one") {
  NetworkSettings settings = bfloat16_settings({12, 33, 5}, 20);
  settings.training.rounding = Rounding::stochastic;
  const std::vector<float> start = start_of<float>(settings.model);
  const auto updated = [&](const Backend& backend, const NetworkSettings& of) {
    const auto network = backend.make<float>(of);
    const auto claim = network->claim_threads();
    network->write(Content::parameters, start);
    network->write(Content::gradients, std::vector<float>(start.size(), 1.0F));
    network->apply_update({.learning_rate = 0x1p-12, .number = 3});
    return read(*network, Content::parameters, start.size());
  };
  const std::vector<float> expected = updated(neuron(), settings);
  NetworkSettings other = settings;
  other.seed = 8;
  CHECK(updated(neuron(), other) != expected);
  for_each_with_bfloat16([&](const Backend& backend, std::int64_t threads) {
    settings.threads = threads;
    CHECK(updated(backend, settings) == expected);
  });
}

TEST_CASE("a training in bfloat16 goes on to the same bits from all that it keeps, and from no less") {
  for (const Content kept : {Content::compensation, Content::master_weights}) {
    NetworkSettings settings = bfloat16_settings({12, 33, 5}, 20);
    settings.training.compensated = kept == Content::compensation;
    settings.training.master_weights = kept == Content::master_weights;
    settings.training.optimizer = Optimizer::momentum;
    const std::vector<float> start = start_of<float>(settings.model);
    const Samples<float> samples(settings.max_batch, settings.model, 3);
    for_each_with_bfloat16([&](const Backend& backend, std::int64_t threads) {
      settings.threads = threads;
      const auto train = [&](Network<float>& network, std::int64_t first, std::int64_t last) {
        const auto claim = network.claim_threads();
        for (std::int64_t step = first; step <= last; ++step) {
          network.train_step(samples.batch(), {.learning_rate = 0.001, .number = step});
        }
      };
      const auto whole = backend.make<float>(settings), before = backend.make<float>(settings);
      whole->write(Content::parameters, start);
      train(*whole, 1, 8);
      before->write(Content::parameters, start);
      train(*before, 1, 4);
      const auto go_on = [&](const std::vector<Content>& contents) {
        const auto after = backend.make<float>(settings);
        for (const Content content : contents) after->write(content, read(*before, content, start.size()));
        train(*after, 5, 8);
        return read(*after, Content::parameters, start.size());
      };
      const std::vector<float> expected = read(*whole, Content::parameters, start.size());
      CHECK(go_on({Content::parameters, Content::first_moment, kept}) == expected);
      CHECK(go_on({Content::parameters, Content::first_moment}) != expected);
      const Content other = kept == Content::compensation ? Content::master_weights : Content::compensation;
      CHECK(read(*whole, other, start.size()) == std::vector<float>(start.size()));
    });
  }
}

TEST_CASE("nearest rounding stops learning where stochastic, compensated and master weights go on") {
  // A rate at which nearly every step is below half of what a weight and the next number are apart.
  const auto loss_after = [](const Backend& backend, const TrainingSettings& training) {
    NetworkSettings settings = bfloat16_settings({8, 24, 3}, 30);
    settings.training = training;
    const auto network = backend.make<float>(settings);
    const auto claim = network->claim_threads();
    const Samples<float> samples(30, settings.model, 3);
    network->write(Content::parameters, start_of<float>(settings.model));
    for (std::int64_t step = 1; step <= 1500; ++step) {
      network->train_step(samples.batch(), {.learning_rate = 0.003, .number = step});
    }
    return network->evaluate(samples.batch()).loss;
  };
  TrainingSettings float32, nearest;
  nearest.precision = Precision::bfloat16;
  TrainingSettings stochastic = nearest, compensated = nearest, masters = nearest;
  stochastic.rounding = Rounding::stochastic;
  compensated.compensated = true;
  masters.master_weights = true;
  for (const char* name : {"neuron", "tbb"}) {
    const Backend& backend = *find_backend(backends(), name);
    const double right = loss_after(backend, float32);
    INFO("backend " << name << ", float32 " << right);
    CHECK(loss_after(backend, nearest) > 1.05 * right);
    CHECK(loss_after(backend, stochastic) == Approx(right).epsilon(0.02));
    CHECK(loss_after(backend, compensated) == Approx(right).epsilon(0.02));
    CHECK(loss_after(backend, masters) == Approx(right).epsilon(0.02));
  }
}

TEST_CASE("a backend without bfloat16, a transformer and ranks say why they cannot") {
  NetworkSettings settings = bfloat16_settings({4, 8, 3}, 4);
  CHECK(unsupported_reason(*find_backend(backends(), "blas"), settings) == "blas does not train in bfloat16");
  CHECK_THROWS_AS(find_backend(backends(), "blas")->make<float>(settings), UnsupportedError);
  settings.ranks.count = 2;
  CHECK(unsupported_reason(*find_backend(backends(), "tbb"), settings).starts_with("ranks do not train in bfloat16"));
  settings.ranks.count = 0;
  settings.model.kind = ModelKind::transformer;
  CHECK(unsupported_reason(*find_backend(backends(), "tbb"), settings) == "tbb trains MLPs alone in bfloat16");
}

TEST_CASE("a softmax in bfloat16 is rounded at each of its steps, alike in every backend") {
  // Logits 4 and 4 + 2^-9, which bfloat16 does not tell apart, and one that counts for nothing.
  const std::vector<double> features = {1}, parameters = {4, 4 + 0x1p-9, -40, 0, 0, 0};
  const std::vector<std::int32_t> labels = {0};
  Batch<double> batch;
  batch.size = batch.counted = 1;
  batch.features = features;
  batch.labels = labels;
  NetworkSettings settings;
  settings.model.layers = {1, 3};
  settings.training.precision = Precision::float64;
  const auto computed = [&](const Backend& backend, std::optional<Precision> softmax, std::int64_t threads) {
    settings.threads = threads;
    settings.model.softmax = softmax;
    const auto network = backend.make<double>(settings);
    const auto claim = network->claim_threads();
    network->write(Content::parameters, parameters);
    const double loss = network->compute_gradients(batch).loss;
    std::vector<double> values = read(*network, Content::gradients, parameters.size());
    values.push_back(loss);
    return values;
  };
  const std::vector<double> expected = computed(neuron(), Precision::bfloat16, 1);
  CHECK(expected[0] == -0.5);
  CHECK(expected[1] == 0.5);
  CHECK(std::ranges::all_of(expected, [](double value) { return rounded_to_bfloat16(value) == value; }));
  const std::vector<double> exact = computed(neuron(), std::nullopt, 1);
  CHECK(exact[1] == Approx(0.5).epsilon(0.01));
  CHECK(exact[1] != 0.5);
  for_each_backend([&](const Backend& backend, std::int64_t threads) {
    const std::vector<double> actual = computed(backend, Precision::bfloat16, threads);
    CHECK(actual == expected);
  });
}

}  // namespace stepbench::testing
