#include "core/random.hpp"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace stepbench {

RandomStream::RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t index)
    : seed_(seed), purpose_(static_cast<std::uint64_t>(purpose)), index_(index) {}

std::uint64_t RandomStream::next() {
  if (used_ == 4) {
    const r123::Philox4x64::ctr_type counter = {{counter_++, index_, purpose_, 0}};
    const r123::Philox4x64::key_type key = {{seed_, 0}};
    const auto block = r123::Philox4x64()(counter, key);
    for (unsigned i = 0; i < 4; ++i) block_[i] = block[i];
    used_ = 0;
  }
  return block_[used_++];
}

double RandomStream::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

double RandomStream::normal() {
  if (has_spare_normal_) {
    has_spare_normal_ = false;
    return spare_normal_;
  }
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));  // 1 - u lies in (0, 1]
  const double angle = 2 * std::numbers::pi * uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_normal_ = true;
  return radius * std::cos(angle);
}

std::uint64_t RandomStream::below(std::uint64_t limit) {
  // Rejects the values of the last, incomplete multiple of `limit`.
  const std::uint64_t rejected = (0 - limit) % limit;
  std::uint64_t value = next();
  while (value < rejected) value = next();
  return value % limit;
}

std::vector<std::int64_t> permutation(std::int64_t count, RandomStream stream) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[stream.below(i)]);
  return order;
}

}  // namespace stepbench
