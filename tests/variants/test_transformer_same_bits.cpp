// The promise of the same bits for transformers. MLPs: test_same_bits.cpp.
#include "tests/variants/random_transformer.hpp"
#include "tests/variants/same_bits.hpp"

namespace stepbench::testing {
namespace {

/// Four steps, every other one on a short batch: enough sequences and widths for several shards and blocks,
/// and sequences that fine cuts cut through.
std::string transformer_digest(const Backend& backend, const Workers& workers, bool tied, std::uint64_t data_seed = 1) {
  NetworkSettings settings;
  settings.model = transformer_model({.vocabulary = 65, .width = 48, .heads = 3, .blocks = 2, .context = 72});
  settings.model.tied_embeddings = tied;
  settings.training.optimizer = Optimizer::adamw;
  settings.training.weight_decay = 0.1;
  settings.training.gradient_clip = 0.5;  // its norm is a sum over all tensors
  settings.max_batch = 7;
  settings.threads = workers.threads;
  settings.cores = workers.cores;
  settings.cpus = workers.cpus;
  const TokenData full(settings.model, 7, data_seed), short_one(settings.model, 3, data_seed + 1, 0.3);
  const std::vector<Batch<float>> batches = {full.view<float>(), short_one.view<float>(), full.view<float>(),
                                             short_one.view<float>()};
  return training_digest(backend, settings, random_transformer_parameters<float>(settings.model, 3), batches);
}

}  // namespace

TEST_CASE("every backend's transformer gives the same bits from run to run") {
  check_same_bits_from_run_to_run(
      [](const Backend& backend, const Workers& workers) { return transformer_digest(backend, workers, true); });
}

TEST_CASE("transformers of backends that promise it have the same bits on 1 to 64 threads and cut for 1 to 128 cores") {
  for (const bool tied : {false, true}) {
    INFO("tied " << tied);
    check_same_bits_on_any_threads(
        [tied](const Backend& backend, const Workers& workers) { return transformer_digest(backend, workers, tied); });
  }
}

TEST_CASE("the digest tells trainings of transformers apart") {
  const Backend& backend = *find_backend(backends(), "tbb_openblas");
  CHECK(transformer_digest(backend, {}, true, 1) != transformer_digest(backend, {}, true, 2));
}

}  // namespace stepbench::testing
