#include "experiments/plan/data_folders.hpp"

#include <map>

namespace stepbench {

namespace fs = std::filesystem;

std::vector<fs::path> data_folders(const fs::path& config) {
  std::vector<fs::path> folders = {"."};
  if (config.has_parent_path()) folders.push_back(config.parent_path());
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  if (!failed) folders.push_back((program.parent_path() / STEPBENCH_DATA_FROM_PROGRAM).lexically_normal());
  return folders;
}

fs::path find_config(const std::string& name) {
  std::error_code failed;
  if (fs::exists(name, failed) && !fs::is_directory(name, failed)) return name;
  for (const fs::path& folder : data_folders("")) {
    for (const fs::path& candidate : {folder / "experiments" / name, folder / "experiments" / (name + ".cfg")}) {
      if (fs::is_regular_file(candidate, failed)) return candidate.lexically_normal();
    }
  }
  return name;  // load_experiment says that it is missing
}

std::vector<fs::path> shipped_configs() {
  std::map<fs::path, fs::path> by_name;  // of two with one name, the first is the one that its name finds
  for (const fs::path& folder : data_folders("")) {
    std::error_code failed;  // of a folder that is not there or cannot be read: it has none
    for (const auto& entry : fs::directory_iterator(folder / "experiments", failed)) {
      const fs::path path = entry.path().lexically_normal();
      if (path.extension() == ".cfg") by_name.emplace(path.stem(), path);
    }
  }
  std::vector<fs::path> configs;
  configs.reserve(by_name.size());
  for (const auto& [name, path] : by_name) configs.push_back(path);
  return configs;
}

}  // namespace stepbench
