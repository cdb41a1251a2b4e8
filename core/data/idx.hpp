// The kind `mnist`: images and labels in the IDX format of MNIST's distribution, each file plain or gzipped.
// Fashion-MNIST, EMNIST and others that are distributed so load as well, with images of any shape and up to 256
// classes; other IDX element types do not.
#pragma once

#include <filesystem>

#include "core/data/dataset.hpp"

namespace stepbench {

/// Reads the four files that find_idx_files (idx_files.hpp) finds. Features are uint8; the validation split is t10k or
/// test; K is the largest label of both splits plus 1, and at least 10. Throws InputError naming the file when one is
/// missing, damaged, cut short or too long, or does not fit the others.
[[nodiscard]] Dataset load_mnist(const DatasetSettings& settings, std::int64_t, const std::filesystem::path& path);

}  // namespace stepbench
