#include "experiments/machine/fma_peak.hpp"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <limits>
#include <thread>
#include <vector>

#include "core/buffer.hpp"
#include "core/lap_clock.hpp"
#include "variants/matrix/gemm.hpp"
#include "variants/openblas_runtime.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace stepbench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRepetitions = 6;
constexpr double kRepetitionSeconds =
    0.004;  // long against starting a thread, short against the noise of a shared machine
// Independent chains of FMAs: more than latency (4 or 5) times units (2), and few enough for the registers.
constexpr int kChains512 = 24;  // of 32 registers
constexpr int kChains256 = 12;  // of 16 registers
constexpr int kChainsScalar = 8;

// x := x * 0.999 + 0.001 goes to 1 and stays there: no overflow, no denormals.
constexpr double kFactor = 0.999, kSummand = 0.001;

/// `iterations` times one FMA per chain; `sink` keeps the result alive. Returns floating-point operations done.
using Kernel = double (*)(long iterations, double& sink);

#if defined(__x86_64__)

__attribute__((target("avx512f"))) double fma_float_512(long iterations, double& sink) {
  __m512 chains[kChains512];
  for (int c = 0; c < kChains512; ++c) chains[c] = _mm512_set1_ps(static_cast<float>(c));
  const __m512 factor = _mm512_set1_ps(static_cast<float>(kFactor));
  const __m512 summand = _mm512_set1_ps(static_cast<float>(kSummand));
  for (long i = 0; i < iterations; ++i) {
#pragma GCC unroll 24
    for (int c = 0; c < kChains512; ++c) chains[c] = _mm512_fmadd_ps(chains[c], factor, summand);
  }
  for (int c = 0; c < kChains512; ++c) sink += static_cast<double>(_mm512_cvtss_f32(chains[c]));
  return 2.0 * 16 * kChains512 * static_cast<double>(iterations);
}

__attribute__((target("avx512f"))) double fma_double_512(long iterations, double& sink) {
  __m512d chains[kChains512];
  for (int c = 0; c < kChains512; ++c) chains[c] = _mm512_set1_pd(static_cast<double>(c));
  const __m512d factor = _mm512_set1_pd(kFactor), summand = _mm512_set1_pd(kSummand);
  for (long i = 0; i < iterations; ++i) {
#pragma GCC unroll 24
    for (int c = 0; c < kChains512; ++c) chains[c] = _mm512_fmadd_pd(chains[c], factor, summand);
  }
  for (int c = 0; c < kChains512; ++c) sink += _mm512_cvtsd_f64(chains[c]);
  return 2.0 * 8 * kChains512 * static_cast<double>(iterations);
}

__attribute__((target("avx2,fma"))) double fma_float_256(long iterations, double& sink) {
  __m256 chains[kChains256];
  for (int c = 0; c < kChains256; ++c) chains[c] = _mm256_set1_ps(static_cast<float>(c));
  const __m256 factor = _mm256_set1_ps(static_cast<float>(kFactor));
  const __m256 summand = _mm256_set1_ps(static_cast<float>(kSummand));
  for (long i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains256; ++c) chains[c] = _mm256_fmadd_ps(chains[c], factor, summand);
  }
  for (int c = 0; c < kChains256; ++c) sink += static_cast<double>(_mm256_cvtss_f32(chains[c]));
  return 2.0 * 8 * kChains256 * static_cast<double>(iterations);
}

__attribute__((target("avx2,fma"))) double fma_double_256(long iterations, double& sink) {
  __m256d chains[kChains256];
  for (int c = 0; c < kChains256; ++c) chains[c] = _mm256_set1_pd(static_cast<double>(c));
  const __m256d factor = _mm256_set1_pd(kFactor), summand = _mm256_set1_pd(kSummand);
  for (long i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains256; ++c) chains[c] = _mm256_fmadd_pd(chains[c], factor, summand);
  }
  for (int c = 0; c < kChains256; ++c) sink += _mm256_cvtsd_f64(chains[c]);
  return 2.0 * 4 * kChains256 * static_cast<double>(iterations);
}

#endif

/// For CPUs without either: 128-bit vectors, which every compiler knows how to multiply and add.
template <typename Scalar>
double multiply_add_portable(long iterations, double& sink) {
  typedef Scalar Vector __attribute__((vector_size(16)));
  constexpr int kLanes = 16 / static_cast<int>(sizeof(Scalar));
  Vector chains[kChainsScalar];
  for (int c = 0; c < kChainsScalar; ++c) chains[c] = Vector{} + static_cast<Scalar>(c);
  for (long i = 0; i < iterations; ++i) {
#pragma GCC unroll 8
    for (int c = 0; c < kChainsScalar; ++c) {
      chains[c] = chains[c] * static_cast<Scalar>(kFactor) + static_cast<Scalar>(kSummand);
    }
  }
  for (int c = 0; c < kChainsScalar; ++c) sink += static_cast<double>(chains[c][0]);
  return 2.0 * kLanes * kChainsScalar * static_cast<double>(iterations);
}

Kernel kernel_for(Precision precision) {
  const bool single = precision == Precision::float32;
#if defined(__x86_64__)
  const CpuFeatures features = cpu_features();
  if (features.avx512) return single ? fma_float_512 : fma_double_512;
  if (features.avx2) return single ? fma_float_256 : fma_double_256;
#endif
  return single ? multiply_add_portable<float> : multiply_add_portable<double>;
}

/// Iterations that take about kRepetitionSeconds.
long calibrate(Kernel kernel, double& sink) {
  long iterations = 1000;
  for (;;) {
    LapClock clock;
    kernel(iterations, sink);
    const double seconds = clock.lap();
    if (seconds > kRepetitionSeconds / 4) {
      return std::max(1L, static_cast<long>(static_cast<double>(iterations) * kRepetitionSeconds / seconds));
    }
    iterations *= 2;
  }
}

template <typename Scalar>
double gemm_gflops(int threads) {
  constexpr std::ptrdiff_t kSize = 1024;  // 4 MB a matrix in float32: the packing is amortised, the test is short
  constexpr int kProducts = 4;
  const auto elements = static_cast<std::size_t>(kSize * kSize);
  const Buffer<Scalar> a(elements, Scalar(0.5)), b(elements, Scalar(0.25));
  Buffer<Scalar> c(elements);
  const auto claim = claim_blas_threads(threads);
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kProducts; ++i) {
    LapClock clock;
    gemm(Transpose::no, Transpose::yes, kSize, kSize, kSize, Scalar(1), {a.data(), kSize}, {b.data(), kSize}, Scalar(0),
         {c.data(), kSize});
    best = std::min(best, clock.lap());
  }
  return 2e-9 * static_cast<double>(kSize) * static_cast<double>(kSize) * static_cast<double>(kSize) / best;
}

}  // namespace

double fma_peak_gflops(int threads, Precision precision) {
  const Kernel kernel = kernel_for(precision);
  double sink = 0;
  const long iterations = calibrate(kernel, sink);
  const auto count = static_cast<std::size_t>(threads);
  std::vector<double> operations(count), sinks(count);
  std::vector<Clock::time_point> begins(kRepetitions), ends(kRepetitions);
  // The completion of each phase runs once, while all threads wait: even phases begin a repetition, odd ones end it.
  int phase = 0;
  std::barrier barrier(threads, [&]() noexcept {
    (phase % 2 == 0 ? begins : ends)[static_cast<std::size_t>(phase / 2)] = Clock::now();
    ++phase;
  });
  const auto work = [&](std::size_t self) {
    for (int r = 0; r < kRepetitions; ++r) {
      barrier.arrive_and_wait();
      operations[self] = kernel(iterations, sinks[self]);
      barrier.arrive_and_wait();
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t t = 1; t < count; ++t) others.emplace_back(work, t);
    work(0);
  }
  double total = 0;
  for (const double value : operations) total += value;
  double best = 0;
  for (std::size_t r = 0; r < begins.size(); ++r) {
    best = std::max(best, total / std::chrono::duration<double>(ends[r] - begins[r]).count() * 1e-9);
  }
  volatile double keep = sink + sinks[0];
  static_cast<void>(keep);
  return best;
}

double gemm_peak_gflops(int threads, Precision precision) {
  return precision == Precision::float32 ? gemm_gflops<float>(threads) : gemm_gflops<double>(threads);
}

}  // namespace stepbench
