// Where the program finds configs and data that a path names relatively.
#pragma once

#include <filesystem>
#include <vector>

namespace stepbench {

/// In the order of search: the working folder, the config file's folder, and the folder that the data was
/// installed to (`share/stepbench` beside the program's `bin`).
[[nodiscard]] std::vector<std::filesystem::path> data_folders(const std::filesystem::path& config);

}  // namespace stepbench
