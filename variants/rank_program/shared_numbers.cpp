#include "variants/rank_program/shared_numbers.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "core/error.hpp"

namespace stepbench {
namespace {

std::size_t bytes_of(const std::string& type) { return type == "uint8" ? 1 : type.ends_with("32") ? 4 : 8; }

}  // namespace

SharedNumbers::SharedNumbers(const World& world, const nlohmann::json& arrays) : world_(world) {
  std::size_t end = 0;
  std::string file;
  std::map<std::string, std::size_t> offsets;
  for (const auto& [name, description] : arrays.items()) {
    Array array{description.at("type").get<std::string>(), description.at("shape").get<std::vector<std::int64_t>>(),
                nullptr, 0};
    array.bytes = bytes_of(array.type);
    for (const std::int64_t extent : array.shape) array.bytes *= static_cast<std::size_t>(extent);
    const auto offset = description.at("offset").get<std::size_t>();
    end = std::max(end, offset + array.bytes);
    file = description.at("file").get<std::string>();
    offsets[name] = offset;
    arrays_[name] = std::move(array);
  }
  std::byte* memory = nullptr;
  if (world.rank() == 0) {
    const int descriptor = open(file.c_str(), O_RDWR | O_CLOEXEC);
    struct stat status {};
    if (descriptor >= 0) fstat(descriptor, &status);
    const bool is_whole = descriptor >= 0 && static_cast<std::size_t>(status.st_size) >= end;
    void* mapped = is_whole ? mmap(nullptr, end, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0) : MAP_FAILED;
    const int error = errno;
    if (descriptor >= 0) close(descriptor);
    if (mapped == MAP_FAILED) {
      throw Error(fmt::format("rank 0 cannot reach the program's memory ({}): it is to run on the program's host",
                              std::generic_category().message(error)));
    }
    memory = mapped_ = static_cast<std::byte*>(mapped);
    mapped_bytes_ = end;
  } else {
    own_.resize(end);
    memory = own_.data();
  }
  for (auto& [name, array] : arrays_) array.data = memory + offsets[name];
}

SharedNumbers::~SharedNumbers() {
  if (mapped_ != nullptr) munmap(mapped_, mapped_bytes_);
}

std::int64_t SharedNumbers::extent(const std::string& name, std::size_t dimension) const {
  return arrays_.at(name).shape.at(dimension);
}

}  // namespace stepbench
