// The promise of the same bits, whatever the model: run to run for every backend, and for any number of threads where
// the registry says so.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/affinity.hpp"
#include "core/digest.hpp"
#include "core/network.hpp"
#include "tests/variants/each_backend.hpp"

namespace stepbench::testing {

/// Digest of losses and final parameters of a float32 training, a step on each of `batches`.
inline std::string training_digest(const Backend& backend, const NetworkSettings& settings,
                                   std::span<const float> initial, std::span<const Batch<float>> batches) {
  const auto network = backend.make<float>(settings);
  const auto claim = network->claim_threads();
  network->write(Content::parameters, initial);
  Digest digest;
  for (std::size_t step = 0; step < batches.size(); ++step) {
    const UpdateStep update{.learning_rate = 0.01, .number = static_cast<std::int64_t>(step) + 1};
    const double loss = network->train_step(batches[step], update).loss;
    digest.add_values(std::span(&loss, 1));
  }
  std::vector<float> parameters(initial.size());
  network->read(Content::parameters, parameters);
  digest.add_values(std::span<const float>(parameters));
  return digest.hex();
}

/// Who computes a step: on how many threads, and cut for how many cores (NetworkSettings::cores).
struct Workers {
  std::int64_t threads = 1;
  std::int64_t cores = 0;
  std::vector<int> cpus = {};
};

/// `digest_of(backend, workers)` is to be the same in 20 repeats.
template <typename DigestOf>
void check_same_bits_from_run_to_run(const DigestOf& digest_of) {
  for_each_backend([&](const Backend& backend, std::int64_t threads) {
    std::set<std::string> digests;
    for (int repeat = 0; repeat < 20; ++repeat) digests.insert(digest_of(backend, Workers{threads}));
    CHECK(digests.size() == 1);
  });
}

/// `digest_of(backend, workers)` is to be the same on 1 to 64 threads, held on CPUs or not, and in the cuts for 1 to
/// 128 cores, in several repeats, for backends that promise.
template <typename DigestOf>
void check_same_bits_on_any_threads(const DigestOf& digest_of) {
  for (const Backend& backend : backends_in_process()) {
    if (!backend.same_bits_for_any_threads || backend.max_threads == 1) continue;
    INFO("backend " << backend.name);
    unless_unsupported([&] {
      const std::string one = digest_of(backend, Workers{});
      for (int repeat = 0; repeat < 3; ++repeat) {
        for (const std::int64_t threads : {1, 2, 3, 4, 8}) {
          INFO(threads << " threads");
          CHECK(digest_of(backend, Workers{threads}) == one);
        }
      }
      for (const std::int64_t threads : {16, 64}) {
        INFO(threads << " threads");
        CHECK(digest_of(backend, Workers{threads}) == one);
      }
      const std::vector<int>& cpus = cpus_of_process();
      for (std::size_t threads = 1; threads <= std::min<std::size_t>(cpus.size(), 4); ++threads) {
        INFO(threads << " threads, held on CPUs");
        CHECK(digest_of(backend, Workers{static_cast<std::int64_t>(threads),
                                         0,
                                         {cpus.begin(), cpus.begin() + static_cast<std::ptrdiff_t>(threads)}}) == one);
      }
      for (const std::int64_t cores : {2, 3, 5, 16, 128}) {
        INFO("cut for " << cores << " cores");
        CHECK(digest_of(backend, Workers{1, cores}) == one);
        CHECK(digest_of(backend, Workers{2, cores}) == one);
      }
    });
  }
}

}  // namespace stepbench::testing
