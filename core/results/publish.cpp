// Bytes to a name on disk, whole or not at all.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>

#include "core/error.hpp"
#include "core/results/result_file.hpp"
#include "core/results/trailer.hpp"

namespace stepbench {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& what, int error_number) {
  throw OutputError(path.string() + ": " + what + ": " + std::strerror(error_number));
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const { return number_; }
  /// False when the last of what was written did not arrive.
  [[nodiscard]] bool close() { return ::close(std::exchange(number_, -1)) == 0 || errno == EINTR; }

 private:
  int number_;
};

/// Removes the file when it goes, unless it was given its final name.
struct TemporaryFile {
  explicit TemporaryFile(fs::path name) : path(std::move(name)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!renamed) ::unlink(path.c_str());
  }
  fs::path path;
  bool renamed = false;
};

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

constexpr const char* kTemporaryMark = ".tmp-";

/// How the names of all temporary files of `path` begin.
std::string temporary_stem(const fs::path& path) {
  // A name may be 255 bytes long, ours are longer than the final one.
  constexpr std::size_t kKept = 200;
  return "." + path.filename().string().substr(0, kKept) + kTemporaryMark;
}

fs::path temporary_path(const fs::path& path) {
  const std::string own = std::to_string(::getpid()) + "-" + std::to_string(std::random_device{}());
  return folder_of(path) / (temporary_stem(path) + own);
}

void write_all(const Descriptor& file, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.number(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "cannot write", errno);
    if (written == 0) fail(path, "cannot write", ENOSPC);  // no file system of worth does so; it must not go on forever
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

/// Whether errno says that this file system, kernel or container has no such call. EPERM: FAT of hard links, and a
/// container's filter of calls that it does not know.
bool is_unavailable() { return errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM; }

void rename_without_replacing(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
  if (is_unavailable() && ::link(from.c_str(), to.c_str()) == 0) {  // which does not replace either
    ::unlink(from.c_str());
    return;
  }
  if (is_unavailable()) {  // asking first is all that is left; of the runs on one output, a lock lets one come so far
    struct stat existing {};
    if (::lstat(to.c_str(), &existing) == 0) {
      errno = EEXIST;
    } else if (::rename(from.c_str(), to.c_str()) == 0) {
      return;
    }
  }
  if (errno == EEXIST) throw OutputError(to.string() + ": exists already and is left as it is");
  fail(to, "cannot write", errno);
}

int fsync_whole(int descriptor) {
  int result = 0;
  do {
    result = ::fsync(descriptor);
  } while (result != 0 && errno == EINTR);
  return result;
}

/// fsync of a folder, where its file system has that (EBADF: some want it open for writing, which folders cannot be).
bool synced(const Descriptor& folder) {
  return fsync_whole(folder.number()) == 0 || errno == EBADF || is_unavailable();
}

void remove_beginning_with(const fs::path& folder, const std::string& stem) {
  std::vector<fs::path> found;
  std::error_code ignored;  // what cannot be removed does no harm
  for (fs::directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(stem) && name.find(kTemporaryMark) != std::string::npos) found.push_back(entry->path());
  }
  for (const fs::path& path : found) fs::remove(path, ignored);
}

}  // namespace

void publish(std::span<const std::byte> image, const fs::path& path, IfExists if_exists) {
  if (path.filename().empty()) throw OutputError(path.string() + ": is not the name of a file");
  const Descriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.number() < 0) fail(path, "cannot write into its folder", errno);
  const fs::path temporary = temporary_path(path);
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.number() < 0) fail(path, "cannot write into its folder", errno);
  TemporaryFile guard{temporary};
  write_all(file, image, path);
  write_all(file, make_trailer(image), path);
  if (fsync_whole(file.number()) != 0) fail(path, "cannot write to disk", errno);
  if (!file.close()) fail(path, "cannot write", errno);

  if (if_exists == IfExists::refuse)
    rename_without_replacing(temporary, path);
  else if (::rename(temporary.c_str(), path.c_str()) != 0)
    fail(path, "cannot replace", errno);
  guard.renamed = true;
  if (!synced(folder)) fail(path, "is written, but may not survive a power cut", errno);
}

void sync_folder(const fs::path& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.number() < 0 || !synced(descriptor)) fail(folder, "cannot be written to disk", errno);
}

void remove_temporaries(const fs::path& path) { remove_beginning_with(folder_of(path), temporary_stem(path)); }

void remove_all_temporaries(const fs::path& folder) { remove_beginning_with(folder, "."); }

}  // namespace stepbench
