// Which runs an expectation holds against each other. What the sweep varies besides the keys that it names makes cells,
// each judged by itself; runs of a cell that differ in a sample key alone are its sample.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/expect/expectation.hpp"

namespace stepbench {

/// What a run is: every setting that it uses by its full key, and `backend`, `threads`, `ranks`, `seed`.
using RunKeys = std::map<std::string, std::string, std::less<>>;

/// Those that are no settings of a trial.
void add_arm(RunKeys& run, std::string backend, std::int64_t threads, std::int64_t ranks, std::uint64_t seed);

/// What makes another run of the same thing.
inline constexpr std::array<std::string_view, 2> kSampleKeys = {"seed", "model.perturb_seed"};

struct Cell {
  std::string name;               // `backend = tbb, training.learning_rate = 0.1`; empty: there is one only
  std::vector<std::size_t> runs;  // places in what cells_of was given
};

/// Runs with one value of a key.
struct Part {
  std::string value;
  std::vector<std::size_t> runs;
};

/// The cells that have runs on both sides of what is compared, or all values' where that is along a key, in the order
/// of their first runs. A key that a run does not use (another backend's setting) does not part it from the others.
[[nodiscard]] std::vector<Cell> cells_of(const Expectation& expectation, std::span<const RunKeys> runs);

/// By the values of a key: in increasing order where all are numbers, else as they come. Runs without it are left out.
[[nodiscard]] std::vector<Part> parts_of(std::span<const std::size_t> members, std::string_view key,
                                         std::span<const RunKeys> runs);

/// Which of the samples a run is, for pairing; without `spread_over`'s key.
[[nodiscard]] std::string sample_of(const RunKeys& run);

/// As config files may spell one value differently: `0.10` is `0.1`.
[[nodiscard]] bool same_value(std::string_view first, std::string_view second);

/// Throws InputError, without a place, for what no run can tell: a key that none uses, a value that none has, a target
/// where there is none.
void check_expectation(const Expectation& expectation, std::span<const RunKeys> runs);

}  // namespace stepbench
