#include "core/process/reexecution.hpp"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string_view>

namespace stepbench {
namespace {

constexpr const char* kSelf = "/proc/self/exe";

}  // namespace

void execute_anew(char** argv, char** environment) {
  std::array<char, 4096> path;  // PATH_MAX
  const ssize_t length = readlink(kSelf, path.data(), path.size());
  if (length > 0 && static_cast<std::size_t>(length) < path.size()) {
    path[static_cast<std::size_t>(length)] = '\0';
    struct stat named, running;
    // Otherwise the name is by now that of another file, or `... (deleted)`.
    if (stat(path.data(), &named) == 0 && stat(kSelf, &running) == 0 && named.st_dev == running.st_dev &&
        named.st_ino == running.st_ino) {
      execve(path.data(), argv, environment);
    }
  }
  execve(kSelf, argv, environment);  // a process of the name `exe`
}

void restore_name(const char* argv0) {
  std::array<char, 16> name{};  // as long as the system keeps
  if (argv0 == nullptr || prctl(PR_GET_NAME, name.data()) != 0 || std::string_view(name.data()) != "exe") return;
  std::string_view own = argv0;
  own.remove_prefix(own.rfind('/') + 1);  // of none: npos + 1
  prctl(PR_SET_NAME, own.data());
}

}  // namespace stepbench
