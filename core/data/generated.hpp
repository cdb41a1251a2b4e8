// The kinds `spirals` and `blobs`: small classification problems made from a seed, for tests and first steps.
// Both draw all samples first and then split them at random, so both splits have one distribution.
#pragma once

#include <filesystem>

#include "core/data/dataset.hpp"

namespace stepbench {

/// Points on `classes` (3) arms that leave the origin evenly spaced, wind by 4 radians up to radius 1 and have an
/// angular noise of N(0, 0.2^2): the toy data of Stanford's CS231n, for any number of arms. F = 2. Throws InputError
/// for settings that leave a class or a split empty.
[[nodiscard]] Dataset generate_spirals(const DatasetSettings& settings, std::int64_t, const std::filesystem::path&);

/// Clouds N(centre, I), one per class (2), with centres uniform in [-4, 4]^F. Throws as generate_spirals does.
[[nodiscard]] Dataset generate_blobs(const DatasetSettings& settings, std::int64_t, const std::filesystem::path&);

}  // namespace stepbench
