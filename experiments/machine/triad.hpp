// Memory bandwidth, by the triad of McCalpin's STREAM: what the parts of a step that only stream through memory
// (optimiser updates, element-wise passes over large layers) are limited by.
#pragma once

#include <cstddef>
#include <span>

namespace stepbench {

/// GB/s (1e9 bytes) of a[i] = b[i] + s * c[i] on `threads` threads: the best of several passes over three arrays of
/// `array_bytes` each, which should together be far larger than the caches. Counted as STREAM does, 24 bytes an
/// element. Each thread's part is first touched by that thread.
[[nodiscard]] double triad_gigabytes_per_second(int threads, std::size_t array_bytes);

/// The same of as many bytes as somebody's work touches, in all three arrays together, wherever that many lie: in a
/// cache, over which the passes go again and again, or in memory. On a CPU of `cpus` each, or anywhere where there are
/// none. Takes some milliseconds; with arrays far beyond the caches about a tenth of a second. Throws SupplyError.
[[nodiscard]] double triad_over(int threads, std::span<const int> cpus, std::size_t bytes);

}  // namespace stepbench
