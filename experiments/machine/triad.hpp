// Memory bandwidth, by the triad of McCalpin's STREAM: what the parts of a step that only stream through memory
// (optimiser updates, element-wise passes over large layers) are limited by.
#pragma once

#include <cstddef>

namespace stepbench {

/// GB/s (1e9 bytes) of a[i] = b[i] + s * c[i] on `threads` threads: the best of several passes over three arrays of
/// `array_bytes` each, which should together be far larger than the caches. Counted as STREAM does, 24 bytes an
/// element. Each thread's part is first touched by that thread.
[[nodiscard]] double triad_gigabytes_per_second(int threads, std::size_t array_bytes);

}  // namespace stepbench
