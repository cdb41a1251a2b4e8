// Runs kernels under Google Benchmark: each is checked before it is timed, and its rate is held against the FMA peak.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "experiments/micro/kernel.hpp"

namespace stepbench::micro {

/// GFLOP/s of so many cores at a precision.
using Peaks = std::map<std::pair<int, Precision>, double>;

/// `arguments`: the program's, its name first, as Google Benchmark has them (--benchmark_filter=REGEX ...). Unless they
/// say otherwise, 9 repetitions of 0.05 s of every kernel, in random order, and only their statistics on the terminal.
/// Counters: GFLOP/s and percent_of_peak (of as many cores as the kernel has threads) of matrix products, GB/s of the
/// passes between them. A kernel without a peak in `peaks` has no percent.
///
/// At most once per process: a second run crashes inside Google Benchmark 1.7.1.
///
/// Returns the exit code: 0; 1 when a kernel's results are wrong (it has no time, and is named on stderr); 2 when the
/// arguments are not understood or choose nothing.
[[nodiscard]] int run_micro(std::vector<std::string> arguments, const KernelCases& cases, const Peaks& peaks);

}  // namespace stepbench::micro
