// The kind `hdf5`: a user's own data in one HDF5 file, or what `export-data` wrote. hdf5_format.hpp says what is in it.
#pragma once

#include <filesystem>

#include "core/data/dataset.hpp"

namespace stepbench {

/// Reads `train/features` (N, ...), flattened to (N, F), and `train/labels` (N) or (N, 1), whole numbers from 0, or
/// `train/targets` (N, K) or (N); or `train/tokens` and `train/target_tokens` (N, T); and the same under `validation/`.
/// Numbers may be of any type, truth values are 0 and 1. float32 features stay float, others become double; all stand
/// for themselves, but for bytes that say that they are pixels. K of labels, and V, is what the file says, else the
/// largest in both splits plus 1. `context`: T of the model, which has to be the file's. Throws InputError naming the
/// file, and the dataset and row where there is one; or model.context, or model.kind.
[[nodiscard]] Dataset load_hdf5_dataset(const DatasetSettings& settings, std::int64_t context,
                                        const std::filesystem::path& file);

}  // namespace stepbench
