// The measuring behind the limits: that it counts what it does, and what is concluded from it.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "experiments/machine/cores.hpp"
#include "experiments/machine/fma_loop.hpp"
#include "experiments/machine/fma_peak.hpp"
#include "experiments/machine/time_together.hpp"
#include "experiments/machine/triad.hpp"
#include "variants/openblas/runtime.hpp"

namespace stepbench::testing {

TEST_CASE("what the FMA peak of all cores says about them") {
  CHECK(core_sharing(100, 105, 2) == CoreSharing::shared);
  CHECK(core_sharing(100, 150, 2) == CoreSharing::slowed);
  CHECK(core_sharing(100, 195, 2) == CoreSharing::independent);
  CHECK(core_sharing(100, 430, 8) == CoreSharing::shared);
  CHECK(core_sharing(100, 100, 1) == CoreSharing::unknown);
  CHECK(core_sharing(0, 100, 2) == CoreSharing::unknown);
  CHECK(core_sharing(100, std::numeric_limits<double>::quiet_NaN(), 2) == CoreSharing::unknown);
}

TEST_CASE("a quota leaves whole cores, one at least, and never more than the affinity mask") {
  CHECK(usable_cores(8, std::nullopt) == 8);
  CHECK(usable_cores(8, 2.0) == 2);
  CHECK(usable_cores(8, 2.9) == 2);
  CHECK(usable_cores(8, 0.5) == 1);
  CHECK(usable_cores(2, 16.0) == 2);
}

TEST_CASE("every FMA loop that this CPU can run computes what it says") {
  struct Width {
    bool runs;
    FmaLoop (*make)(bool);
    int bits, chains;
  };
  std::vector<Width> widths = {{true, fma_loop_portable, 128, 8}};
#if defined(__x86_64__)
  widths.push_back({has_isa(Isa::avx2), fma_loop_avx2, 256, 12});
  widths.push_back({has_isa(Isa::avx512), fma_loop_avx512, 512, 24});
#endif
  for (const Width& width : widths) {
    if (!width.runs) continue;
    for (const bool single : {true, false}) {
      const FmaLoop loop = width.make(single);
      INFO(width.bits << " bits, " << (single ? "float" : "double"));
      CHECK(loop.operations == 2.0 * width.bits / (single ? 32 : 64) * width.chains);
      // The sum over chains c of the fixed point 1 and what is left of the start s + c after n iterations.
      constexpr long kIterations = 50;
      const double start = 2, left = std::pow(0.999, kIterations);
      double expected = 0;
      for (int c = 0; c < width.chains; ++c) expected += 1 + (start + c - 1) * left;
      CHECK(loop.run(kIterations, start) == Approx(expected).epsilon(single ? 1e-5 : 1e-12));
    }
  }
}

#if defined(__x86_64__)
TEST_CASE("the loop of bfloat16 computes what it says") {
  const FmaLoop loop = fma_loop_avx512bf16();
  CHECK(loop.operations == 2 * fma_loop_avx512(true).operations);
  if (!has_isa(Isa::avx512bf16)) return;
  double expected = 0;  // each chain stays where it starts
  for (int c = 0; c < 24; ++c) expected += 2 + c;
  CHECK(loop.run(50, 2) == expected);
}
#endif

TEST_CASE("a series of the FMA peak lasts as long as asked and holds positive numbers") {
  const std::vector<double> series = fma_series_gflops(0.05, Precision::float32);
  REQUIRE(!series.empty());
  for (const double gflops : series) CHECK(gflops > 0);
}

TEST_CASE("work on several threads is done once per thread and repetition, and lasts as long as the slowest") {
  constexpr int kThreads = 3, kRepetitions = 4;
  constexpr auto kSlowest = std::chrono::milliseconds(5);
  std::array<std::atomic<int>, kThreads> calls{};
  const std::vector<double> seconds = time_together(kThreads, kRepetitions, [&](int thread) {
    ++calls[static_cast<std::size_t>(thread)];
    if (thread == 1) std::this_thread::sleep_for(kSlowest);
  });
  for (const auto& count : calls) CHECK(count == kRepetitions);
  REQUIRE(seconds.size() == kRepetitions);
  for (const double value : seconds) CHECK(value >= std::chrono::duration<double>(kSlowest).count());
}

TEST_CASE("the triad's bandwidth is finite and positive on any number of threads") {
  for (const int threads : {1, 2, 3}) {
    const double bandwidth = triad_gigabytes_per_second(threads, std::size_t{1} << 20U);
    CHECK(std::isfinite(bandwidth));
    CHECK(bandwidth > 0);
  }
}

}  // namespace stepbench::testing
