#include "core/input_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "core/error.hpp"

namespace stepbench {
namespace {

/// Why the file cannot be read, and its size when it can.
std::string problem_of(int descriptor, std::int64_t& size) {
  if (descriptor < 0 && errno == ENOENT) return "there is no such file";
  if (descriptor < 0) return std::string("cannot be opened: ") + std::strerror(errno);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return std::string("cannot be read: ") + std::strerror(errno);
  if (S_ISDIR(status.st_mode)) return "is a folder, not a file";
  if (!S_ISREG(status.st_mode)) return "is not an ordinary file";
  size = status.st_size;
  return "";
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {  // a pipe would wait for its writer
  const std::string problem = problem_of(descriptor_, size_);
  if (problem.empty()) return;
  if (descriptor_ >= 0) ::close(descriptor_);
  throw InputError(path.string() + ": " + problem);
}

InputFile::~InputFile() { ::close(descriptor_); }

int InputFile::lock_for_reading() const { return ::flock(descriptor_, LOCK_SH | LOCK_NB) == 0 ? 0 : errno; }

}  // namespace stepbench
