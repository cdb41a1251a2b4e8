// The question whether a file can be written somewhere, before there is anything to write.
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.hpp"
#include "core/results/result_file.hpp"

namespace stepbench {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& path, const std::string& why) {
  throw OutputError(path.string() + ": " + why);
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

/// The end of a chain of links.
fs::path behind_links(const fs::path& path) {
  constexpr int kMostLinks = 40;  // as many as Linux follows
  fs::path place = path;
  std::error_code failed;
  for (int links = 0; fs::is_symlink(fs::symlink_status(place, failed)); ++links) {
    const fs::path target = fs::read_symlink(place, failed);
    if (failed) refuse(path, "is a link that cannot be read: " + failed.message());
    if (links == kMostLinks) refuse(path, "is a link that leads nowhere");
    place = folder_of(place) / target;  // the target alone where it is absolute
  }
  return place;
}

}  // namespace

fs::path output_place(const fs::path& path) {
  if (path.filename().empty()) refuse(path, "is not the name of a file");
  const fs::path place = behind_links(path), folder = folder_of(place);
  std::error_code failed;
  const fs::file_type above = fs::status(folder, failed).type();
  if (above == fs::file_type::not_found) refuse(path, folder.string() + " is a folder that does not exist");
  if (above == fs::file_type::none) refuse(path, folder.string() + ": " + failed.message());
  if (above != fs::file_type::directory) refuse(path, folder.string() + " is not a folder");
  const fs::file_type type = fs::status(place, failed).type();
  if (type == fs::file_type::none) refuse(path, failed.message());
  if (type == fs::file_type::directory) refuse(path, "is a folder, not a file to write to");
  if (type != fs::file_type::regular && type != fs::file_type::not_found) refuse(path, "is not an ordinary file");
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    refuse(path, std::string("cannot write into its folder: ") + std::strerror(errno));
  }
  return place;
}

}  // namespace stepbench
