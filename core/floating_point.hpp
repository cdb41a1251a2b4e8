// The floating-point mode of a thread. Denormal numbers are flushed to zero in every thread of every backend, so that
// none pays for gradual underflow where another does not (a dead ReLU network produces denormals by the thousand).
#pragma once

#if defined(__SSE__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <cstdint>
#endif

namespace stepbench {

#if defined(__SSE__)

inline constexpr unsigned kFlushToZeroBits = 0x8040;  // FTZ (bit 15) and DAZ (bit 6) of MXCSR

/// Sets flush-to-zero and denormals-are-zero for the calling thread and, by inheritance, the threads that it starts.
inline void flush_denormals() { _mm_setcsr(_mm_getcsr() | kFlushToZeroBits); }
[[nodiscard]] inline bool denormals_are_flushed() { return (_mm_getcsr() & kFlushToZeroBits) == kFlushToZeroBits; }

#elif defined(__aarch64__)

inline constexpr std::uint64_t kFlushToZeroBit = std::uint64_t{1} << 24;  // FZ of FPCR

inline void flush_denormals() {
  std::uint64_t mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  asm volatile("msr fpcr, %0" : : "r"(mode | kFlushToZeroBit));
}
[[nodiscard]] inline bool denormals_are_flushed() {
  std::uint64_t mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  return (mode & kFlushToZeroBit) != 0;
}

#else

inline void flush_denormals() {}
[[nodiscard]] inline bool denormals_are_flushed() { return false; }

#endif

}  // namespace stepbench
