// A data set as a file, in the format of hdf5_format.hpp: other programs read it, and so does the kind `hdf5`.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/data/dataset.hpp"

namespace stepbench {

/// The HDF5 image. Read back it is the same data set, digest and vocabulary included; `kind` is what it was loaded as.
[[nodiscard]] std::vector<std::byte> data_image(const Dataset& dataset, const std::string& kind);

}  // namespace stepbench
