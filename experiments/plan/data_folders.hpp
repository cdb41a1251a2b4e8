// Where the program finds configs and data that a path names relatively.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace stepbench {

/// In the order of search: the working folder, the config file's folder, and the folder that the data was
/// installed to (`share/stepbench` beside the program's `bin`, wherever both were moved to).
[[nodiscard]] std::vector<std::filesystem::path> data_folders(const std::filesystem::path& config);

/// A path, or the name of a shipped experiment: `quick` finds experiments/quick.cfg. When there is neither, `name`
/// itself where it is spelled as a path, with a slash or `.cfg` at its end; for a mere word throws InputError, which
/// says what was meant or where the names are.
[[nodiscard]] std::filesystem::path find_config(const std::string& name);

/// What find_config finds by name, sorted by name.
[[nodiscard]] std::vector<std::filesystem::path> shipped_configs();

}  // namespace stepbench
