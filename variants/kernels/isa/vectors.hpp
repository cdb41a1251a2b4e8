// Vectors of the instruction set that a file is compiled for, and the tiles of a product that fill its registers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/bfloat16.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace stepbench {
namespace {
namespace isa {

// A tile of C is kMaxRows x 2 vectors of sums: with the two vectors of B and one element of A, that fills the
// registers.
#if defined(__AVX512F__)
constexpr std::size_t kVectorBytes = 64;
constexpr std::ptrdiff_t kMaxRows = 14;  // of 32 registers
#elif defined(__AVX2__)
constexpr std::size_t kVectorBytes = 32;
constexpr std::ptrdiff_t kMaxRows = 6;  // of 16 registers
#else
constexpr std::size_t kVectorBytes = 16;
constexpr std::ptrdiff_t kMaxRows = 6;
#endif
constexpr std::size_t kTileVectors = 2;
constexpr int kForWriting = 1, kFirstLevel = 3;  // of __builtin_prefetch

template <typename Scalar>
struct VectorOf {
  using Type __attribute__((vector_size(kVectorBytes))) = Scalar;
};
template <>
struct VectorOf<Bfloat16> : VectorOf<float> {};  // which it is computed with
template <typename Scalar>
using Vector = typename VectorOf<Scalar>::Type;
template <typename Scalar>
constexpr std::ptrdiff_t kLanes = kVectorBytes / sizeof(Scalar);

template <typename Scalar>
Vector<Scalar> load(const Scalar* from) {
  Vector<Scalar> lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

template <typename Scalar>
void store(Vector<Scalar> lanes, Scalar* to) {
  std::memcpy(to, &lanes, sizeof lanes);
}

/// The first `count` lanes; the others are 0 and their memory is not touched.
#if defined(__AVX512F__)
__m512 load_part(const float* from, std::ptrdiff_t count) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), from);
}
[[maybe_unused]] __m512d load_part(const double* from, std::ptrdiff_t count) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1U << count) - 1), from);
}
#elif defined(__AVX2__)
__m256i first_lanes(const float*, std::ptrdiff_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
__m256i first_lanes(const double*, std::ptrdiff_t count) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
}
__m256 load_part(const float* from, std::ptrdiff_t count) { return _mm256_maskload_ps(from, first_lanes(from, count)); }
__m256d load_part(const double* from, std::ptrdiff_t count) {
  return _mm256_maskload_pd(from, first_lanes(from, count));
}
#else
template <typename Scalar>
Vector<Scalar> load_part(const Scalar* from, std::ptrdiff_t count) {
  Vector<Scalar> lanes{};
  for (std::ptrdiff_t j = 0; j < count; ++j) lanes[j] = from[j];
  return lanes;
}
#endif

/// The first `count` lanes; the memory of the others is not touched.
#if defined(__AVX512F__)
void store_part(__m512 lanes, float* to, std::ptrdiff_t count) {
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1), lanes);
}
[[maybe_unused]] void store_part(__m512d lanes, double* to, std::ptrdiff_t count) {
  _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1U << count) - 1), lanes);
}
#elif defined(__AVX2__)
void store_part(__m256 lanes, float* to, std::ptrdiff_t count) {
  _mm256_maskstore_ps(to, first_lanes(to, count), lanes);
}
void store_part(__m256d lanes, double* to, std::ptrdiff_t count) {
  _mm256_maskstore_pd(to, first_lanes(to, count), lanes);
}
#else
template <typename Lanes, typename Scalar>
void store_part(Lanes lanes, Scalar* to, std::ptrdiff_t count) {
  std::memcpy(to, &lanes, static_cast<std::size_t>(count) * sizeof(Scalar));
}
#endif

/// Of bfloat16: widened, which is exact. GCC 12 makes two halves of a conversion that it is left to find.
#if defined(__AVX512F__)
__m512 widened(__m256i halves) {
  constexpr __mmask16 kAll = 0xffff;  // what has no mask warns of a variable of GCC 12's own
  return _mm512_castsi512_ps(_mm512_maskz_slli_epi32(kAll, _mm512_maskz_cvtepu16_epi32(kAll, halves), 16));
}
__m512 load(const Bfloat16* from) {
  __m256i halves;
  std::memcpy(&halves, from, sizeof halves);
  return widened(halves);
}
[[maybe_unused]] __m512 load_part(const Bfloat16* from, std::ptrdiff_t count) {
  return widened(_mm256_maskz_loadu_epi16(static_cast<__mmask16>((1U << count) - 1), from));
}
#elif defined(__AVX2__)
__m256 widened(__m128i halves) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16)); }
__m256 load(const Bfloat16* from) {
  __m128i halves;
  std::memcpy(&halves, from, sizeof halves);
  return widened(halves);
}
__m256 load_part(const Bfloat16* from, std::ptrdiff_t count) {
  std::uint16_t some[kLanes<float>] = {};
  for (std::ptrdiff_t j = 0; j < count; ++j) some[j] = from[j].bits;
  __m128i halves;
  std::memcpy(&halves, some, sizeof halves);
  return widened(halves);
}
#else
Vector<float> load_part(const Bfloat16* from, std::ptrdiff_t count) {
  Vector<float> lanes{};
  for (std::ptrdiff_t j = 0; j < count; ++j) lanes[j] = float_of_bits(from[j].bits);
  return lanes;
}
Vector<float> load(const Bfloat16* from) { return load_part(from, kLanes<float>); }
#endif

/// f<0>(), ..., f<kCount - 1>(): an array that is indexed by constants only can live in registers.
template <std::size_t kCount, typename Function>
[[gnu::always_inline]] inline void repeat(const Function& f) {
  [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) __attribute__((always_inline)) {
    (f.template operator()<kIndex>(), ...);
  }
  (std::make_index_sequence<kCount>());
}

}  // namespace isa
}  // namespace
}  // namespace stepbench
