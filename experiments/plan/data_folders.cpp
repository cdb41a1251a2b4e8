#include "experiments/plan/data_folders.hpp"

#include <fmt/format.h>

#include <map>

#include "core/error.hpp"
#include "core/text/suggestion.hpp"
#include "core/text/text.hpp"

namespace stepbench {

namespace fs = std::filesystem;

namespace {

/// A word that was meant as a name, of which there is neither a file nor an experiment.
InputError no_such_experiment(const std::string& name) {
  std::vector<std::string> names;
  for (const fs::path& config : shipped_configs()) names.push_back(config.stem().string());
  const std::string near = suggestion(name, std::vector<std::string_view>(names.begin(), names.end()));
  return InputError(fmt::format("{}: there is no such file, and no shipped experiment of that name{}", printable(name),
                                near.empty() ? " (`stepbench list experiments` lists them)" : near));
}

}  // namespace

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
  const bool is_path = name.find('/') != std::string::npos || name.ends_with(".cfg");
  if (!is_path && fs::status(name, failed).type() == fs::file_type::not_found) throw no_such_experiment(name);
  return name;  // load_experiment says what is wrong with it
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
