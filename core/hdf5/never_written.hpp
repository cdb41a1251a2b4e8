// Inside core/hdf5 only: the parts of the search for what was never written (Dataset::never_written).
#pragma once

#include "core/hdf5/handles.hpp"

namespace stepbench::hdf5 {

/// One line for each data set that has gaps.
using Gaps = std::vector<std::string>;

/// `views`: the names of the virtual data sets that led here.
Gaps never_written(const Dataset& data, const std::vector<std::string>& views);

/// Of a virtual data set: what none of its sources covers, and the gaps of the sources.
Gaps gaps_of_view(const Dataset& view, const Handle& properties, std::vector<std::string> views);

/// Of the file that the data set is in, as it was named when it was opened.
std::filesystem::path folder_of(const Dataset& data);

std::string gap_text(hsize_t missing, hsize_t all, const char* what);

}  // namespace stepbench::hdf5
