// bfloat16: a float32's sign and exponent with seven bits of its fraction, in two bytes; how a float32 is rounded to
// it, and the bits that stochastic rounding draws. Functions are expanded where they are called, so that the kernels,
// which are compiled for several instruction sets, can have them (variants/kernels/isa/functions.hpp), and loops of
// them become vectors.
//
// Left out: arithmetic. What is stored in bfloat16 is computed with in float32.
#pragma once

#include <cstdint>

#include "core/settings.hpp"

namespace stepbench {

struct Bfloat16 {
  std::uint16_t bits;
  [[gnu::always_inline]] friend inline bool operator==(Bfloat16 a, Bfloat16 b) { return a.bits == b.bits; }
};

[[gnu::always_inline]] inline float float_of_bits(std::uint16_t bits) {
  return __builtin_bit_cast(float, std::uint32_t{bits} << 16U);
}
[[gnu::always_inline]] inline float to_float(Bfloat16 value) { return float_of_bits(value.bits); }

namespace internal {

/// Of the word with a float32's bits, the upper half after `added`, of 16 bits, is added to it; of NaN a NaN.
[[gnu::always_inline]] inline std::uint32_t upper_half(float value, std::uint32_t added) {
  const auto bits = __builtin_bit_cast(std::uint32_t, value);
  return value != value ? (bits >> 16U) | 0x40U : (bits + added) >> 16U;
}

}  // namespace internal

// As bits, for loops: a structure in one keeps GCC from making vectors of it.

/// To the nearer one, of two as near the one with an even last bit; beyond the largest, infinity. NaN stays NaN.
[[gnu::always_inline]] inline std::uint16_t bfloat16_bits(float value) {
  const std::uint32_t last = (__builtin_bit_cast(std::uint32_t, value) >> 16U) & 1U;
  return static_cast<std::uint16_t>(internal::upper_half(value, 0x7fffU + last));
}
/// To the neighbour further from zero with the probability (bits behind the last that is kept) / 2^16, by `random`, of
/// which the upper 16 bits count. Infinity stays, and NaN.
[[gnu::always_inline]] inline std::uint16_t bfloat16_bits(float value, std::uint32_t random) {
  return static_cast<std::uint16_t>(internal::upper_half(value, random >> 16U));
}

[[gnu::always_inline]] inline Bfloat16 to_bfloat16(float value) { return {bfloat16_bits(value)}; }
[[gnu::always_inline]] inline Bfloat16 to_bfloat16(float value, std::uint32_t random) {
  return {bfloat16_bits(value, random)};
}

[[nodiscard, gnu::always_inline]] inline float rounded_to_bfloat16(float value) { return to_float(to_bfloat16(value)); }
/// Rounded once: a float32 on the way would be a second time.
[[nodiscard, gnu::always_inline]] inline double rounded_to_bfloat16(double value) {
  constexpr unsigned kDropped = 52 - 7;  // bits behind the last that is kept: float64's fraction has 52, bfloat16's 7
  constexpr std::uint64_t kBelowHalf = (std::uint64_t{1} << (kDropped - 1)) - 1;
  const auto bits = __builtin_bit_cast(std::uint64_t, value);
  const std::uint64_t rounded = (bits + kBelowHalf + ((bits >> kDropped) & 1U)) >> kDropped << kDropped;
  // By way of float32, whose range bfloat16 has. Infinity and NaN stay.
  return value - value == 0 ? static_cast<double>(static_cast<float>(__builtin_bit_cast(double, rounded))) : value;
}

/// Of a step of a trial: two words of Philox's (core/random.hpp).
struct RoundingKey {
  std::uint32_t first = 0, second = 0;
};
[[nodiscard]] RoundingKey rounding_key(std::uint64_t seed, std::int64_t step);

/// 32 bits for the parameter with that place in canonical order, by its lower 32 bits: a hash, whatever thread asks for
/// them and what it computes beside. Two rounds of an integer hash whose bits were searched to depend on each other as
/// little as can be (C. Wellons, "hash prospector": 21f0aaad, d35a2d97), a word of the key before each.
[[gnu::always_inline]] inline std::uint32_t rounding_bits(RoundingKey key, std::uint32_t parameter) {
  std::uint32_t x = parameter ^ key.first;
  x = (x ^ (x >> 16U)) * 0x21f0aaadU;
  x = (x ^ (x >> 15U)) * 0xd35a2d97U;
  x ^= x >> 15U;
  x ^= key.second;
  x = (x ^ (x >> 16U)) * 0x21f0aaadU;
  x = (x ^ (x >> 15U)) * 0xd35a2d97U;
  return x ^ (x >> 15U);
}

}  // namespace stepbench
