// The promise of the same bits: run to run for every backend, and for any number of threads where the registry says so.
#include <set>
#include <string>

#include "core/digest.hpp"
#include "core/parameters.hpp"
#include "core/random.hpp"
#include "tests/variants/each_backend.hpp"

namespace stepbench::testing {
namespace {

/// Digest of losses and final parameters of a short float32 training, with a short batch in it.
std::string training_digest(const Backend& backend, std::int64_t threads, UpdateOrder order, Optimizer optimizer) {
  NetworkSettings settings;
  settings.model.layers = {200, 300, 120, 10};
  settings.training.update_order = order;
  settings.training.optimizer = optimizer;
  settings.max_batch = 150;
  settings.threads = threads;
  const auto network = backend.make<float>(settings);
  const auto claim = network->claim_threads();
  std::vector<float> parameters = initial_parameters<float>(settings.model, 3);
  network->set_parameters(parameters);
  RandomStream stream(4, Purpose::generated_data);
  std::vector<float> features(static_cast<std::size_t>(150 * 200));
  for (float& value : features) value = static_cast<float>(stream.uniform());
  std::vector<std::int32_t> labels(150);
  for (std::int32_t& label : labels) label = static_cast<std::int32_t>(stream.below(10));
  Digest digest;
  for (std::int64_t step = 1; step <= 6; ++step) {
    const std::int64_t size = step % 2 == 0 ? 37 : 150;
    const double loss = network
                            ->train_step({.size = size, .features = features, .labels = labels, .targets = {}},
                                         {.learning_rate = 0.01, .number = step})
                            .loss;
    digest.add_values(std::span(&loss, 1));
  }
  network->get_parameters(parameters);
  digest.add_values(std::span<const float>(parameters));
  return digest.hex();
}

}  // namespace

TEST_CASE("every backend gives the same bits from run to run") {
  for_each_backend([](const Backend& backend, std::int64_t threads) {
    std::set<std::string> digests;
    for (int repeat = 0; repeat < 20; ++repeat) {
      digests.insert(training_digest(backend, threads, UpdateOrder::simultaneous, Optimizer::adam));
    }
    CHECK(digests.size() == 1);
  });
}

TEST_CASE("backends that promise it give the same bits on 1, 2, 3, 4 and 8 threads") {
  for (const Backend& backend : backends()) {
    if (!backend.same_bits_for_any_threads || backend.max_threads == 1) continue;
    for (const UpdateOrder order : {UpdateOrder::simultaneous, UpdateOrder::layerwise}) {
      INFO(backend.name << ", order " << static_cast<int>(order));
      std::set<std::string> digests;
      for (int repeat = 0; repeat < 5; ++repeat) {
        for (const std::int64_t threads : {1, 2, 3, 4, 8}) {
          digests.insert(training_digest(backend, threads, order, Optimizer::sgd));
        }
      }
      CHECK(digests.size() == 1);
    }
  }
}

TEST_CASE("the digest tells trainings apart") {
  const Backend& backend = *find_backend(backends(), "tbb");
  CHECK(training_digest(backend, 1, UpdateOrder::simultaneous, Optimizer::sgd) !=
        training_digest(backend, 1, UpdateOrder::layerwise, Optimizer::sgd));
}

}  // namespace stepbench::testing
