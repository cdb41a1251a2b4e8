// Counter-based random numbers (Philox4x64-10, Salmon et al. 2011, from Random123): a stream is named by (seed,
// purpose, index), so any part of the program can draw its own numbers in any order, on any thread, always the same.
#pragma once

#include <cstdint>
#include <vector>

namespace stepbench {

/// Keeps streams apart. The numbers are part of every result: never renumber, only add.
enum class Purpose : std::uint64_t {
  initial_parameters = 1,  // index: the tensor's place in canonical order
  sample_order = 2,        // index: the epoch
  generated_data = 3,      // index: 0 the samples, 1 the centres of blobs, 2 the lengths of sequences
  validation_split = 4,
  round_order = 5,  // index: the round
  sampling = 6,     // the tokens of a generated text
  perturbation = 7,
  planned_rounds = 8,   // index: the simulation
  summation_order = 9,  // index: the step, from 0
  rounding = 10,        // index: the step; the key that core/bfloat16.hpp hashes with each parameter
};

class RandomStream {
 public:
  RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t index = 0);

  std::uint64_t next();                      // uniform over all 64-bit values
  double uniform();                          // in [0, 1), multiples of 2^-53
  double normal();                           // N(0, 1), Box-Muller
  std::uint64_t below(std::uint64_t limit);  // uniform in [0, limit), unbiased; limit >= 1

 private:
  std::uint64_t seed_, purpose_, index_;
  std::uint64_t counter_ = 0;
  std::uint64_t block_[4] = {};
  unsigned used_ = 4;
  double spare_normal_ = 0;
  bool has_spare_normal_ = false;
};

/// A uniformly drawn permutation of 0 .. count-1 (Fisher-Yates).
[[nodiscard]] std::vector<std::int64_t> permutation(std::int64_t count, RandomStream stream);

}  // namespace stepbench
