// Rounding to bfloat16, one number at a time, against the definition: the nearest of the two neighbours, found by
// search.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/bfloat16.hpp"
#include "core/random.hpp"

namespace stepbench::testing {
namespace {

float from_bits(std::uint32_t bits) { return __builtin_bit_cast(float, bits); }

/// As a distance, in double: no rule about bits.
std::uint16_t nearest(float value) {
  const auto bits = __builtin_bit_cast(std::uint32_t, value);
  const auto lower = static_cast<std::uint16_t>(bits >> 16U);
  const auto upper = static_cast<std::uint16_t>(lower + 1U);
  const auto distance = [value](std::uint16_t candidate) {
    return std::abs(static_cast<double>(to_float({candidate})) - static_cast<double>(value));
  };
  if (distance(lower) != distance(upper)) return distance(lower) < distance(upper) ? lower : upper;
  return lower % 2 == 0 ? lower : upper;
}

}  // namespace

TEST_CASE("to_bfloat16 takes the nearer neighbour, and of two as near the even one") {
  RandomStream stream(1, Purpose::generated_data);
  for (int i = 0; i < 200'000; ++i) {
    const auto bits = static_cast<std::uint32_t>(stream.next());
    // Every third is half way, every fifth a neighbour itself.
    const float value = from_bits(i % 3 == 0 ? (bits & 0xffff0000U) | 0x8000U : i % 5 == 0 ? bits & 0xffff0000U : bits);
    if (!(std::abs(value) < 3e38F) || std::abs(value) < 1e-37F) continue;
    REQUIRE(to_bfloat16(value).bits == nearest(value));
  }
}

TEST_CASE("to_bfloat16 keeps infinity and NaN, and rounds what is beyond its largest to infinity") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(to_float(to_bfloat16(infinity)) == infinity);
  CHECK(to_float(to_bfloat16(-infinity)) == -infinity);
  CHECK(to_float(to_bfloat16(std::numeric_limits<float>::max())) == infinity);
  CHECK(to_bfloat16(from_bits(0x7f7f7fffU)).bits == 0x7f7f);  // just below half way
  for (const std::uint32_t nan : {0x7f800001U, 0x7fffffffU, 0xff800001U, 0xffffffffU, 0x7fc00000U}) {
    CHECK(std::isnan(to_float(to_bfloat16(from_bits(nan)))));
    CHECK(std::isnan(to_float(to_bfloat16(from_bits(nan), 0xffffffffU))));
  }
  CHECK(to_bfloat16(-0.0F).bits == 0x8000);
  CHECK(to_bfloat16(from_bits(0x00008001U)).bits == 1);  // denormals as all others
}

TEST_CASE("stochastic rounding takes the upper neighbour of as many of all random numbers as its distance says") {
  for (const std::uint32_t behind : {0U, 1U, 0x1234U, 0x8000U, 0xffffU}) {
    for (const std::uint32_t upper_bits : {0x3f800000U, 0xbf800000U, 0x3fff0000U}) {
      std::uint32_t ups = 0;
      for (std::uint32_t random = 0; random < 0x10000U; ++random) {
        const Bfloat16 rounded = to_bfloat16(from_bits(upper_bits | behind), random << 16U);
        const bool is_up = rounded.bits == (upper_bits >> 16U) + 1;
        REQUIRE((is_up || rounded.bits == upper_bits >> 16U));
        ups += is_up ? 1U : 0U;
      }
      CHECK(ups == behind);
    }
  }
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(to_float(to_bfloat16(infinity, 0xffffffffU)) == infinity);
}

TEST_CASE("float64 is rounded to bfloat16 once") {
  // By way of float32 it would first come to half way, and then go to the even neighbour.
  CHECK(rounded_to_bfloat16(1 + 0x1p-8 + 0x1p-30) == 1 + 0x1p-7);
  CHECK(rounded_to_bfloat16(1 + 0x1p-8) == 1);
  CHECK(rounded_to_bfloat16(1 + 0x3p-8) == 1 + 0x1p-6);
  CHECK(std::isinf(rounded_to_bfloat16(3.4e38)));
  CHECK(std::isnan(rounded_to_bfloat16(std::numeric_limits<double>::quiet_NaN())));
  RandomStream stream(2, Purpose::generated_data);
  for (int i = 0; i < 100'000; ++i) {
    const auto value = static_cast<float>(stream.normal());
    REQUIRE(rounded_to_bfloat16(static_cast<double>(value)) == static_cast<double>(rounded_to_bfloat16(value)));
  }
}

TEST_CASE("what stochastic rounding draws is fixed by seed, step and parameter, and each of them changes it") {
  const RoundingKey key = rounding_key(1, 1);
  CHECK(rounding_bits(key, 0) == 0x071bb041U);
  CHECK(rounding_bits(key, 1) == 0xf2f9f379U);
  CHECK(rounding_bits(rounding_key(2, 1), 0) != rounding_bits(key, 0));
  CHECK(rounding_bits(rounding_key(1, 2), 0) != rounding_bits(key, 0));
}

TEST_CASE("what neighbouring parameters and steps draw is not correlated") {
  // Of 2^16 pairs of uniform numbers a correlation has a standard error of 2^-8.
  constexpr std::uint32_t kPairs = 1U << 16U;
  const auto correlation = [](const auto& first, const auto& second) {
    double sum = 0;
    for (std::uint32_t i = 0; i < kPairs; ++i) {
      sum += (static_cast<double>(first(i)) * 0x1p-32 - 0.5) * (static_cast<double>(second(i)) * 0x1p-32 - 0.5);
    }
    return sum / kPairs * 12;
  };
  const RoundingKey one = rounding_key(1, 1);
  const auto here = [one](std::uint32_t i) { return rounding_bits(one, i); };
  CHECK(std::abs(correlation(here, [one](std::uint32_t i) { return rounding_bits(one, i + 1); })) < 4 * 0x1p-8);
  CHECK(std::abs(correlation(here, [one](std::uint32_t i) { return rounding_bits(one, i + 784); })) < 4 * 0x1p-8);
  for (const std::int64_t step : {2, 3, 1000}) {
    const RoundingKey other = rounding_key(1, step);
    CHECK(std::abs(correlation(here, [other](std::uint32_t i) { return rounding_bits(other, i); })) < 4 * 0x1p-8);
  }
}

}  // namespace stepbench::testing
