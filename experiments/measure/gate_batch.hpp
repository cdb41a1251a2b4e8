// Which samples the correctness gate compares on.
#pragma once

#include <cstdint>
#include <vector>

#include "core/data/dataset.hpp"
#include "core/settings.hpp"

namespace stepbench {

/// The trial's first batch (its first measure.gate_samples), without samples that put a ReLU so close to its kink that
/// rounding in the trial's precision decides its derivative: one such unit in the batch moves a gradient by far more
/// than the gate allows, on a backend that computes correctly. (All samples, should none be left; and all of a
/// transformer, whose ReLUs each see one token of many.)
[[nodiscard]] std::vector<std::int64_t> gate_batch(const TrialSettings& trial, const Dataset& dataset);

}  // namespace stepbench
