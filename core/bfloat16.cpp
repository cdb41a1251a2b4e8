#include "core/bfloat16.hpp"

#include <bit>
#include <cmath>

#include "core/random.hpp"

namespace stepbench {

double rounded_to_bfloat16(double value) {
  if (!std::isfinite(value)) return value;
  constexpr unsigned kDropped = 45;  // of 52 bits of the fraction
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t half = (std::uint64_t{1} << (kDropped - 1)) - 1;
  const std::uint64_t rounded = (bits + half + ((bits >> kDropped) & 1U)) >> kDropped << kDropped;
  return static_cast<double>(static_cast<float>(std::bit_cast<double>(rounded)));  // whose range bfloat16 has
}

RoundingKey rounding_key(std::uint64_t seed, std::int64_t step) {
  const std::uint64_t word = RandomStream(seed, Purpose::rounding, static_cast<std::uint64_t>(step)).next();
  return {static_cast<std::uint32_t>(word >> 32U), static_cast<std::uint32_t>(word)};
}

}  // namespace stepbench
