// The kind `hdf5`: a user's own data in one HDF5 file.
#pragma once

#include <filesystem>

#include "core/data/dataset.hpp"

namespace stepbench {

/// Reads `train/features` (N, ...), flattened to (N, F), and `train/labels` (N) or (N, 1), whole numbers from 0, or
/// `train/targets` (N, K) or (N), and the same under `validation/`. Numbers may be of any type, truth values are 0 and
/// 1. float32 features stay float, others become double; all stand for themselves (no division by 255). K of labels is
/// the largest label of both splits plus 1. Throws InputError naming the file, and the dataset and row where there is
/// one.
[[nodiscard]] Dataset load_hdf5_dataset(const DatasetSettings& settings, std::int64_t,
                                        const std::filesystem::path& file);

}  // namespace stepbench
