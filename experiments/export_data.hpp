// `stepbench export-data`: a config's data set, as the backends are given it, in an HDF5 file for other programs.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/data/dataset.hpp"

namespace stepbench {

/// The HDF5 image: train/ and validation/, each with `features` (N, F) and `labels` (N) or `targets` (N, K), or with
/// `tokens` and `target_tokens` (N, T; target -1: not counted). Pixels stay uint8 and say so in their attribute
/// `divisor` (255). Attributes of the root: `kind`, `digest` (what trials record as dataset_digest), `outputs`,
/// `context` and, for tokens, `vocabulary` (a JSON array, as in result files).
[[nodiscard]] std::vector<std::byte> data_image(const Dataset& dataset, const std::string& kind);

}  // namespace stepbench
