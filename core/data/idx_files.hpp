// Which files of a folder are one data set in the IDX format, by their names. What is in them is idx.hpp's business.
#pragma once

#include <filesystem>

namespace stepbench {

struct IdxFiles {
  std::filesystem::path train_images, train_labels, validation_images, validation_labels;
};

/// The names are those of MNIST and of what is distributed like it: train-images-idx3-ubyte, train-labels-idx1-ubyte,
/// and t10k- or test- for train-, all with one beginning (`emnist-letters-`) or none, a dash or a dot before idx, plain
/// or with .gz. `path` is the folder, or one of the files where the folder holds several sets. Throws InputError naming
/// the folder: a file is missing (says which), several sets (says how to choose), two validation parts.
[[nodiscard]] IdxFiles find_idx_files(const std::filesystem::path& path);

}  // namespace stepbench
