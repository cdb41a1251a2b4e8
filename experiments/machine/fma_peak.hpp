// The arithmetic limit that a trial's GFLOP/s are held against: a loop of fused multiply-adds that touches registers
// only, in the widest vectors of this CPU (chosen at run time, so that a portable build is held to the same limit).
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/settings.hpp"

namespace stepbench {

/// GFLOP/s of `threads` cores at once (an FMA counts 2; of bfloat16, whose sums are float32, those of float32, or by
/// vdpbf16ps where the kernels have it): the best of several short repetitions, in which all threads
/// start together and the last one's end counts. Takes about 30 ms. Throws SupplyError, as gemm_peak_gflops does.
[[nodiscard]] double fma_peak_gflops(int threads, Precision precision);
/// The same of a thread on each of these CPUs.
[[nodiscard]] double fma_peak_gflops(std::span<const int> cpus, Precision precision);

/// GFLOP/s of short repetitions (about 4 ms) of the same on the calling thread, one after the other for `seconds`: how
/// steady a core's speed is.
[[nodiscard]] std::vector<double> fma_series_gflops(double seconds, Precision precision);

/// GFLOP/s of one large square OpenBLAS matrix product on `threads` threads, or as many of them as OpenBLAS was built
/// for: what a perfect user of the library gets.
[[nodiscard]] double gemm_peak_gflops(int threads, Precision precision);

/// What `measure` gives; NaN where the threads or the memory that it takes cannot be had.
[[nodiscard]] double if_supplied(const std::function<double()>& measure);

/// What the FMA peak of several cores at once, held against one core's, says about them.
enum class CoreSharing {
  independent,  // each core adds nearly a whole core's speed
  slowed,       // less than that: lower clock when all are busy, or other work on the machine
  shared,       // at most half of them compute at a time: they are hyper-threads, or a host runs them on one core
  unknown,      // one thread, or nothing measured
};
/// `peak_one` and `peak_all` are the FMA peak (any unit) of one and of `threads` threads.
[[nodiscard]] CoreSharing core_sharing(double peak_one, double peak_all, int threads);

}  // namespace stepbench
