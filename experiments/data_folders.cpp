#include "experiments/data_folders.hpp"

namespace stepbench {

std::vector<std::filesystem::path> data_folders(const std::filesystem::path& config) {
  std::vector<std::filesystem::path> folders = {"."};
  if (config.has_parent_path()) folders.push_back(config.parent_path());
  std::error_code failed;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (!failed) folders.push_back(program.parent_path().parent_path() / "share" / "stepbench");
  return folders;
}

}  // namespace stepbench
