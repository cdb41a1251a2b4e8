// Kernel honesty: which OpenBLAS core is fit for a CPU, and denormals flushed in every thread that computes.
#include <cblas.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "core/floating_point.hpp"
#include "variants/openblas_runtime.hpp"
#include "variants/registry.hpp"

namespace stepbench::testing {

TEST_CASE("an SSE3 core on a wider CPU is replaced, a fit one is kept") {
  const CpuFeatures avx512{.avx512 = true, .avx2 = true}, avx2{.avx512 = false, .avx2 = true}, old{};
  CHECK(better_blas_core(avx512, "Prescott") == "SkylakeX");
  CHECK(better_blas_core(avx512, "Haswell") == "SkylakeX");
  CHECK(better_blas_core(avx512, "SkylakeX").empty());
  CHECK(better_blas_core(avx512, "Cooperlake").empty());
  CHECK(better_blas_core(avx2, "Prescott") == "Haswell");
  CHECK(better_blas_core(avx2, "Zen").empty());
  CHECK(better_blas_core(old, "Prescott").empty());
}

TEST_CASE("this process runs kernels that fit its CPU, loaded with one worker") {
  const char* workers = std::getenv("OPENBLAS_NUM_THREADS");
  REQUIRE(workers != nullptr);
  CHECK(std::string(workers) == "1");
  CHECK(better_blas_core(cpu_features(), blas_runtime().core).empty());
}

TEST_CASE("the main thread and threads started by it flush denormals") {
  CHECK(denormals_are_flushed());
  bool inherited = false;
  std::thread([&inherited] { inherited = denormals_are_flushed(); }).join();
  CHECK(inherited);
}

TEST_CASE("OpenBLAS's own workers flush denormals") {
  // Every product is 1e-40, a denormal, and all rows of C are spread over the workers.
  constexpr int kSize = 512;
  const auto claim = claim_blas_threads(4);
  std::vector<float> a(kSize * kSize, 0.0F), b(kSize * kSize, 0.0F), c(kSize * kSize, 1.0F);
  for (int i = 0; i < kSize; ++i) a[static_cast<std::size_t>(i * kSize)] = 1e-20F;
  for (int j = 0; j < kSize; ++j) b[static_cast<std::size_t>(j)] = 1e-20F;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, kSize, kSize, kSize, 1, a.data(), kSize, b.data(), kSize, 0,
              c.data(), kSize);
  CHECK(std::count_if(c.begin(), c.end(), [](float value) { return value != 0; }) == 0);
}

TEST_CASE("denormal gradients do not survive a training step on any backend and number of threads") {
  // Inputs of 1e-20 times output gradients of about 1e-20 would leave denormal weights behind.
  for (const Backend& backend : backends()) {
    for (const std::int64_t threads : {1, 2, 4}) {
      if (threads > backend.max_threads) continue;
      INFO(backend.name << " on " << threads);
      NetworkSettings settings;
      settings.model.layers = {256, 256};
      settings.model.loss = Loss::squared_error;
      settings.max_batch = 256;
      settings.threads = threads;
      const auto network = backend.make<float>(settings);
      const auto claim = network->claim_threads();
      std::vector<float> parameters(256 * 256 + 256, 0.0F);
      network->set_parameters(parameters);
      const std::vector<float> features(256 * 256, 1e-20F), targets(256 * 256, 1e-20F);
      network->train_step({.size = 256, .features = features, .labels = {}, .targets = targets},
                          {.learning_rate = 1, .number = 1});
      network->get_parameters(parameters);
      const auto end = parameters.begin() + 256 * 256;
      CHECK(std::count_if(parameters.begin(), end, [](float value) { return value != 0; }) == 0);
    }
  }
}

}  // namespace stepbench::testing
