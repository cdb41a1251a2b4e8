#include "experiments/machine/fma_peak.hpp"

#include <algorithm>
#include <limits>
#include <new>

#include "core/affinity.hpp"
#include "core/buffer.hpp"
#include "core/lap_clock.hpp"
#include "core/supply.hpp"
#include "experiments/machine/fma_loop.hpp"
#include "experiments/machine/time_together.hpp"
#include "variants/kernels/gemm.hpp"
#include "variants/openblas/runtime.hpp"

namespace stepbench {
namespace {

constexpr int kRepetitions = 6;
constexpr double kRepetitionSeconds =
    0.004;  // long against starting a thread, short against the noise of a shared machine

// Shares of the threads' ideal joint speed. Pairs of hyper-threads reach a little over 0.5; real cores that all drop
// their clock for wide vectors, 0.85 and more.
constexpr double kSharedBelow = 0.65, kSlowedBelow = 0.85;

FmaLoop loop_for(Precision precision) {
  const bool single = computes_in_float32(precision);
#if defined(__x86_64__)
  if (chosen_isa() == Isa::avx512bf16 && precision == Precision::bfloat16) return fma_loop_avx512bf16();
  if (chosen_isa() >= Isa::avx512) return fma_loop_avx512(single);
  if (chosen_isa() == Isa::avx2) return fma_loop_avx2(single);
#endif
  return fma_loop_portable(single);
}

/// Runs the loop where the compiler cannot tell what goes in, nor that nobody reads what comes out.
void run(const FmaLoop& loop, long iterations) {
  volatile double start = 2, result;
  result = loop.run(iterations, start);
  static_cast<void>(result);
}

double seconds_of(const FmaLoop& loop, long iterations) {
  LapClock clock;
  run(loop, iterations);
  return clock.lap();
}

/// Iterations that take about kRepetitionSeconds when nothing disturbs.
long calibrate(const FmaLoop& loop) {
  long iterations = 1000;
  while (seconds_of(loop, iterations) < kRepetitionSeconds / 8) iterations *= 2;
  double seconds = seconds_of(loop, iterations);
  for (int again = 0; again < 2; ++again) seconds = std::min(seconds, seconds_of(loop, iterations));
  return std::max(1L, static_cast<long>(static_cast<double>(iterations) * kRepetitionSeconds / seconds));
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

/// Of `threads` threads, on a CPU of `cpus` each, or anywhere where there are none.
double peak(int threads, std::span<const int> cpus, Precision precision) {
  const FmaLoop loop = loop_for(precision);
  const BoundThread caller(cpus.first(cpus.empty() ? 0 : 1));
  const long iterations = calibrate(loop);
  const std::vector<double> seconds = time_together(threads, kRepetitions, [&](int thread) {
    // In every repetition, of which the best counts: where it is already, that takes nothing.
    if (!cpus.empty()) bind_thread(cpus.subspan(static_cast<std::size_t>(thread), 1));
    run(loop, iterations);
  });
  return 1e-9 * threads * loop.operations * static_cast<double>(iterations) / *std::ranges::min_element(seconds);
}

}  // namespace

double fma_peak_gflops(int threads, Precision precision) { return peak(threads, {}, precision); }

double fma_peak_gflops(std::span<const int> cpus, Precision precision) {
  return peak(static_cast<int>(cpus.size()), cpus, precision);
}

std::vector<double> fma_series_gflops(double seconds, Precision precision) {
  const FmaLoop loop = loop_for(precision);
  const long iterations = calibrate(loop);
  std::vector<double> series;
  LapClock clock;
  for (double elapsed = 0; elapsed < seconds;) {
    run(loop, iterations);
    const double lap = clock.lap();
    elapsed += lap;
    series.push_back(1e-9 * loop.operations * static_cast<double>(iterations) / lap);
  }
  return series;
}

double gemm_peak_gflops(int threads, Precision precision) {
  threads = std::min(threads, blas_runtime().max_threads);
  return computes_in_float32(precision) ? gemm_gflops<float>(threads) : gemm_gflops<double>(threads);
}

double if_supplied(const std::function<double()>& measure) {
  try {
    return measure();
  } catch (const SupplyError&) {
  } catch (const std::bad_alloc&) {
  }
  return std::numeric_limits<double>::quiet_NaN();
}

CoreSharing core_sharing(double peak_one, double peak_all, int threads) {
  if (threads < 2 || !(peak_one > 0) || !(peak_all > 0)) return CoreSharing::unknown;
  const double share = peak_all / peak_one / threads;
  if (share < kSharedBelow) return CoreSharing::shared;
  return share < kSlowedBelow ? CoreSharing::slowed : CoreSharing::independent;
}

}  // namespace stepbench
