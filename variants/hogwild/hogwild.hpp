// The `hogwild` backend: asynchronous SGD on shared parameters without locks (Recht, Re, Wright and Niu, "Hogwild!",
// 2011), by mini-batches. Each thread takes the next step of the block, forms its gradients with the parameters as it
// finds them and updates them at once, block by block of each weight, by tbb's own products and fused updates on one
// thread; so that with one thread the bits are those of `tbb`. With more, an update may go by parameters that others
// have changed since, and of two that write to one element at the same time one may be lost: no bits are promised.
#pragma once

#include <cstdint>
#include <vector>

#include "variants/backend.hpp"

namespace stepbench {

/// Seconds of a block's steps, which `threads` threads trained side by side, in the order in which they were done;
/// together they are `wall`, what the block took. `done`: s from its beginning to the end of each, in any order. Of
/// each `threads` steps in turn, and of those that are left, each has its share of the time from the end of the ones
/// before: what lies between two alone would say when threads happen to end, not how fast they are together.
[[nodiscard]] std::vector<double> overlapping_step_times(std::vector<double> done, std::int64_t threads, double wall);

[[nodiscard]] Backend hogwild_backend();

}  // namespace stepbench
