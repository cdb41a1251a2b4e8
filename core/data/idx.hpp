// The kind `mnist`: images and labels in the IDX format of MNIST's distribution, each file plain or gzipped.
// Data sets with MNIST's file names and shapes of their own (Fashion-MNIST, say) load as well; other IDX element types
// and more than ten classes do not.
#pragma once

#include <filesystem>

#include "core/data/dataset.hpp"

namespace stepbench {

/// Reads train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte (or
/// `train-images.idx3-ubyte` ..., or with `.gz`) from the folder. Features are uint8, the validation split is t10k.
/// Throws InputError naming the file when one is missing, damaged, cut short or too long, or does not fit the others.
[[nodiscard]] Dataset load_mnist(const DatasetSettings& settings, std::int64_t, const std::filesystem::path& folder);

}  // namespace stepbench
