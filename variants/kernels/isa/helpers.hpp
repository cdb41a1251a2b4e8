// What the bodies use in place of the standard library: see functions.hpp. Math is the compiler's own name for the C
// library's function, or an instruction.
#pragma once

#include <cstddef>

namespace stepbench {
namespace {
namespace isa {

[[gnu::always_inline]] inline std::ptrdiff_t least(std::ptrdiff_t a, std::ptrdiff_t b) { return b < a ? b : a; }

template <typename Scalar>
[[gnu::always_inline]] inline void fill_zero(Scalar* values, std::ptrdiff_t count) {
  for (std::ptrdiff_t i = 0; i < count; ++i) values[i] = Scalar{0};
}

[[gnu::always_inline]] inline float root(float x) { return __builtin_sqrtf(x); }
[[gnu::always_inline]] inline double root(double x) { return __builtin_sqrt(x); }
[[gnu::always_inline]] inline float exponential(float x) { return __builtin_expf(x); }
[[gnu::always_inline]] inline double exponential(double x) { return __builtin_exp(x); }
[[gnu::always_inline]] inline double logarithm(double x) { return __builtin_log(x); }

/// An array that, indexed by constants only, lives in registers.
template <typename T, std::size_t kCount>
struct Registers {
  T at[kCount];
};

}  // namespace isa
}  // namespace
}  // namespace stepbench
