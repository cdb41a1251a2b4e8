// Kernel honesty: which OpenBLAS core is fit for a CPU, and denormals flushed in every thread that computes.
#include <cblas.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "core/floating_point.hpp"
#include "tests/variants/each_backend.hpp"
#include "variants/openblas/runtime.hpp"
#include "variants/registry.hpp"

namespace stepbench::testing {

TEST_CASE("an SSE3 core on a wider CPU is replaced, a fit one is kept") {
  CHECK(better_blas_core(Isa::avx512, "Prescott") == "SkylakeX");
  CHECK(better_blas_core(Isa::avx512, "Haswell") == "SkylakeX");
  CHECK(better_blas_core(Isa::avx512, "SkylakeX").empty());
  CHECK(better_blas_core(Isa::avx512, "Cooperlake").empty());
  CHECK(better_blas_core(Isa::avx2, "Prescott") == "Haswell");
  CHECK(better_blas_core(Isa::avx2, "Zen").empty());
  CHECK(better_blas_core(Isa::portable, "Prescott").empty());
  CHECK(better_blas_core(Isa::portable, "Sandybridge").empty());
}

TEST_CASE("a core wider than the instruction set in use is replaced") {
  CHECK(better_blas_core(Isa::avx2, "SkylakeX") == "Haswell");
  CHECK(better_blas_core(Isa::portable, "SkylakeX") == "Nehalem");
  CHECK(better_blas_core(Isa::portable, "Haswell") == "Nehalem");
}

TEST_CASE("this process runs kernels that fit its CPU, or those that the user chose, loaded with one worker") {
  const char* workers = std::getenv("OPENBLAS_NUM_THREADS");
  REQUIRE(workers != nullptr);
  CHECK(std::string(workers) == "1");
  const BlasRuntime runtime = blas_runtime();
  const char* chosen = std::getenv("OPENBLAS_CORETYPE");
  if (chosen != nullptr && !runtime.forced) {
    CHECK(runtime.core == chosen);
  } else {
    CHECK(better_blas_core(chosen_isa(), runtime.core).empty());
  }
}

TEST_CASE("OpenBLAS's limit of threads is what its configuration says") {
  CHECK(blas_max_threads("OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY SkylakeX MAX_THREADS=64") == 64);
  CHECK(blas_max_threads("OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY SkylakeX SINGLE_THREADED") == 1);
  CHECK(blas_max_threads("OpenBLAS 0.3.26 MAX_THREADS=128 DYNAMIC_ARCH") == 128);
}

TEST_CASE("what OpenBLAS cannot run is refused with the reason, by flavour") {
  const BlasRuntime pthreads{"SkylakeX", false, "0.3.21", BlasThreading::pthreads, 64};
  const BlasRuntime serial{"SkylakeX", false, "0.3.21", BlasThreading::none, 1};
  CHECK(blas_threads_unsupported(pthreads, 64).empty());
  CHECK(blas_threads_unsupported(pthreads, 65) == "OpenBLAS was built for at most 64 threads");
  CHECK(blas_threads_unsupported(serial, 1).empty());
  CHECK(blas_threads_unsupported(serial, 2).find("serial flavour") != std::string::npos);
  CHECK(blas_callers_unsupported(pthreads, 1000).empty());
  CHECK(blas_callers_unsupported(serial, 1).empty());
  CHECK(blas_callers_unsupported(serial, 2).find("serial flavour") != std::string::npos);
}

TEST_CASE("a claim of more threads than OpenBLAS takes is an error, and leaves it at one") {
  const int too_many = blas_runtime().max_threads + 1;
  CHECK_THROWS_WITH(claim_blas_threads(too_many), Catch::Matchers::Contains("and says that it runs"));
  CHECK(openblas_get_num_threads() == 1);
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
  for_each_backend([](const Backend& backend, std::int64_t threads) {
    NetworkSettings settings;
    settings.model.layers = {256, 256};
    settings.model.loss = Loss::squared_error;
    settings.max_batch = 256;
    settings.threads = threads;
    const auto network = backend.make<float>(settings);
    const auto claim = network->claim_threads();
    std::vector<float> parameters(256 * 256 + 256, 0.0F);
    network->write(Content::parameters, parameters);
    const std::vector<float> features(256 * 256, 1e-20F), targets(256 * 256, 1e-20F);
    network->train_step({.size = 256, .counted = 256, .features = features, .labels = {}, .targets = targets},
                        {.learning_rate = 1, .number = 1});
    network->read(Content::parameters, parameters);
    const auto end = parameters.begin() + 256 * 256;
    CHECK(std::count_if(parameters.begin(), end, [](float value) { return value != 0; }) == 0);
  });
}

}  // namespace stepbench::testing
