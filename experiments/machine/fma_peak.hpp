// The arithmetic limit that a trial's GFLOP/s are held against: a loop of fused multiply-adds that touches registers
// only, in the widest vectors of this CPU (chosen at run time, so that a portable build is held to the same limit).
#pragma once

#include "core/settings.hpp"

namespace stepbench {

/// GFLOP/s of `threads` cores at once (an FMA counts 2): the best of several short repetitions, in which all threads
/// start together and the last one's end counts. Takes about 30 ms.
[[nodiscard]] double fma_peak_gflops(int threads, Precision precision);

/// GFLOP/s of one large square OpenBLAS matrix product on `threads` threads: what a perfect user of the library gets.
[[nodiscard]] double gemm_peak_gflops(int threads, Precision precision);

}  // namespace stepbench
