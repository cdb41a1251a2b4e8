// The arrays of the peer protocol in every rank: rank 0 has mapped what the program shares with it, the others have
// memory of their own, which a broadcast fills.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "variants/rank_program/world.hpp"

namespace stepbench {

class SharedNumbers {
 public:
  /// `arrays`: of `make` or `data`. Throws Error where rank 0 cannot map them.
  SharedNumbers(const World& world, const nlohmann::json& arrays);
  SharedNumbers(const SharedNumbers&) = delete;
  SharedNumbers& operator=(const SharedNumbers&) = delete;
  ~SharedNumbers();

  [[nodiscard]] bool has(const std::string& name) const { return arrays_.contains(name); }
  [[nodiscard]] std::int64_t extent(const std::string& name, std::size_t dimension) const;
  [[nodiscard]] const std::string& type(const std::string& name) const { return arrays_.at(name).type; }
  template <typename T>
  [[nodiscard]] std::span<T> of(const std::string& name) const {
    const Array& array = arrays_.at(name);
    return {reinterpret_cast<T*>(array.data), array.bytes / sizeof(T)};
  }
  /// The first `count` elements of T, from rank 0's to everybody's.
  template <typename T>
  void broadcast(const std::string& name, std::size_t count) const {
    world_.broadcast(of<T>(name).first(count));
  }

 private:
  struct Array {
    std::string type;
    std::vector<std::int64_t> shape;
    std::byte* data;
    std::size_t bytes;
  };
  const World& world_;
  std::map<std::string, Array> arrays_;
  std::vector<std::byte> own_;
  std::byte* mapped_ = nullptr;
  std::size_t mapped_bytes_ = 0;
};

}  // namespace stepbench
