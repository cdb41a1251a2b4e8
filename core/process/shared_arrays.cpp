#include "core/process/shared_arrays.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "core/error.hpp"

namespace stepbench {
namespace {

constexpr std::size_t kAlignment = 64;  // bytes: a cache line

}  // namespace

SharedArrays::~SharedArrays() {
  if (memory_ != nullptr) munmap(memory_, size_);
  if (file_ >= 0) close(file_);
}

void SharedArrays::add(std::string name, std::string_view type, std::vector<std::int64_t> shape, std::size_t element) {
  std::size_t bytes = element;
  for (const std::int64_t extent : shape) bytes *= static_cast<std::size_t>(extent);
  arrays_.push_back({std::move(name), type, std::move(shape), size_, bytes});
  size_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

void SharedArrays::allocate() {
  file_ = memfd_create("stepbench", MFD_CLOEXEC);
  // posix_fallocate rather than ftruncate: memory that cannot be had is an error here, not a SIGBUS later.
  const int error = file_ < 0 ? errno : posix_fallocate(file_, 0, static_cast<off_t>(size_));
  void* memory = error != 0 ? MAP_FAILED : mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
  if (memory == MAP_FAILED) {
    throw Error(fmt::format("cannot share {:.1f} MB with a process: {}", 1e-6 * static_cast<double>(size_),
                            std::generic_category().message(error != 0 ? error : errno)));
  }
  memory_ = static_cast<std::byte*>(memory);
}

std::string SharedArrays::path() const { return fmt::format("/proc/{}/fd/{}", getpid(), file_); }

const SharedArray& SharedArrays::find(std::string_view name, std::string_view type) const {
  const auto found = std::ranges::find(arrays_, name, &SharedArray::name);
  if (found == arrays_.end() || found->type != type) {
    throw std::logic_error(fmt::format("no shared array {} of {}", name, type));
  }
  return *found;
}

}  // namespace stepbench
