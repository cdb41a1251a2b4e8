// The promise of the same bits for MLPs. Transformers: test_transformer_same_bits.cpp.
#include <optional>

#include "core/models/parameters.hpp"
#include "core/random.hpp"
#include "tests/variants/same_bits.hpp"

namespace stepbench::testing {
namespace {

/// Six steps, every other one on a short batch.
std::string mlp_digest(const Backend& backend, const Workers& workers, UpdateOrder order, Optimizer optimizer,
                       std::optional<double> clip = std::nullopt) {
  NetworkSettings settings;
  settings.model.layers = {200, 300, 120, 10};
  settings.training.update_order = order;
  settings.training.optimizer = optimizer;
  settings.max_batch = 150;
  settings.training.gradient_clip = clip;
  settings.threads = workers.threads;
  settings.cores = workers.cores;
  settings.cpus = workers.cpus;
  RandomStream stream(4, Purpose::generated_data);
  std::vector<float> features(static_cast<std::size_t>(150 * 200));
  for (float& value : features) value = static_cast<float>(stream.uniform());
  std::vector<std::int32_t> labels(150);
  for (std::int32_t& label : labels) label = static_cast<std::int32_t>(stream.below(10));
  std::vector<Batch<float>> batches(6);
  for (std::size_t step = 0; step < batches.size(); ++step) {
    batches[step].size = batches[step].counted = step % 2 == 0 ? 150 : 37;
    batches[step].features = features;
    batches[step].labels = labels;
  }
  return training_digest(backend, settings, initial_parameters<float>(settings.model, 3), batches);
}

}  // namespace

TEST_CASE("every backend gives the same bits from run to run") {
  check_same_bits_from_run_to_run([](const Backend& backend, const Workers& workers) {
    return mlp_digest(backend, workers, UpdateOrder::simultaneous, Optimizer::adam);
  });
}

TEST_CASE("backends that promise it give the same bits on 1 to 64 threads and cut for 1 to 128 cores") {
  for (const UpdateOrder order : {UpdateOrder::simultaneous, UpdateOrder::layerwise}) {
    INFO("order " << static_cast<int>(order));
    check_same_bits_on_any_threads([order](const Backend& backend, const Workers& workers) {
      return mlp_digest(backend, workers, order, Optimizer::sgd);
    });
  }
}

TEST_CASE("clipping sums the gradients' squares in one order whatever the cut") {
  check_same_bits_on_any_threads([](const Backend& backend, const Workers& workers) {
    return mlp_digest(backend, workers, UpdateOrder::simultaneous, Optimizer::momentum, 0.5);
  });
}

TEST_CASE("the digest tells trainings apart") {
  const Backend& backend = *find_backend(backends(), "tbb_openblas");
  CHECK(mlp_digest(backend, {}, UpdateOrder::simultaneous, Optimizer::sgd) !=
        mlp_digest(backend, {}, UpdateOrder::layerwise, Optimizer::sgd));
}

}  // namespace stepbench::testing
