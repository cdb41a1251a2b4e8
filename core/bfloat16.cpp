#include "core/bfloat16.hpp"

#include "core/random.hpp"

namespace stepbench {

RoundingKey rounding_key(std::uint64_t seed, std::int64_t step) {
  const std::uint64_t word = RandomStream(seed, Purpose::rounding, static_cast<std::uint64_t>(step)).next();
  return {static_cast<std::uint32_t>(word >> 32U), static_cast<std::uint32_t>(word)};
}

}  // namespace stepbench
