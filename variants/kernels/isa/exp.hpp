// exp over arrays by the C library's vector functions.
#pragma once

#include <cstring>

#include "variants/kernels/isa/helpers.hpp"

#if defined(__x86_64__) && defined(__GLIBC__)
#include <immintrin.h>
// Names by the x86-64 vector function ABI: width class, unmasked, lanes, one vector argument.
// NOLINTBEGIN(bugprone-reserved-identifier): they are the C library's
extern "C" {
#if defined(__AVX512F__)
__m512 _ZGVeN16v_expf(__m512);
__m512d _ZGVeN8v_exp(__m512d);
#elif defined(__AVX2__)
__m256 _ZGVdN8v_expf(__m256);
__m256d _ZGVdN4v_exp(__m256d);
#else
__m128 _ZGVbN4v_expf(__m128);
__m128d _ZGVbN2v_exp(__m128d);
#endif
}
// NOLINTEND(bugprone-reserved-identifier)
#define STEPBENCH_HAS_LIBMVEC 1
#endif

namespace stepbench {
namespace {
namespace isa {

#if defined(STEPBENCH_HAS_LIBMVEC)

#if defined(__AVX512F__)
__m512 vector_exp(__m512 x) { return _ZGVeN16v_expf(x); }
__m512d vector_exp(__m512d x) { return _ZGVeN8v_exp(x); }
using FloatVector = __m512;
using DoubleVector = __m512d;
#elif defined(__AVX2__)
__m256 vector_exp(__m256 x) { return _ZGVdN8v_expf(x); }
__m256d vector_exp(__m256d x) { return _ZGVdN4v_exp(x); }
using FloatVector = __m256;
using DoubleVector = __m256d;
#else
__m128 vector_exp(__m128 x) { return _ZGVbN4v_expf(x); }
__m128d vector_exp(__m128d x) { return _ZGVbN2v_exp(x); }
using FloatVector = __m128;
using DoubleVector = __m128d;
#endif

template <typename Vector, typename Scalar>
void exp_with(Scalar* values, std::ptrdiff_t count) {
  constexpr std::ptrdiff_t kLanes = sizeof(Vector) / sizeof(Scalar);
  std::ptrdiff_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Vector lanes;
    std::memcpy(&lanes, values + i, sizeof lanes);
    lanes = vector_exp(lanes);
    std::memcpy(values + i, &lanes, sizeof lanes);
  }
  if (i == count) return;
  const std::size_t rest = static_cast<std::size_t>(count - i) * sizeof(Scalar);
  Vector lanes{};
  std::memcpy(&lanes, values + i, rest);
  lanes = vector_exp(lanes);
  std::memcpy(values + i, &lanes, rest);
}

#endif

#if defined(STEPBENCH_HAS_LIBMVEC)

void exp_in_place(float* values, std::ptrdiff_t count) { exp_with<FloatVector>(values, count); }
void exp_in_place(double* values, std::ptrdiff_t count) { exp_with<DoubleVector>(values, count); }

#else

void exp_in_place(float* values, std::ptrdiff_t count) {
  for (std::ptrdiff_t i = 0; i < count; ++i) values[i] = exponential(values[i]);
}
void exp_in_place(double* values, std::ptrdiff_t count) {
  for (std::ptrdiff_t i = 0; i < count; ++i) values[i] = exponential(values[i]);
}

#endif

}  // namespace isa
}  // namespace
}  // namespace stepbench
