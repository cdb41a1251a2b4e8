// Arrays in memory that another process can map, too. It has no name, and is gone with the last who uses it, however
// they end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace stepbench {

/// Where an array lies, for who maps it.
struct SharedArray {
  std::string name;
  std::string_view type;  // `float32`, `float64`, `int32`, `int64`, `uint8`
  std::vector<std::int64_t> shape;
  std::size_t offset, bytes;
};

class SharedArrays {
 public:
  SharedArrays() = default;
  SharedArrays(const SharedArrays&) = delete;
  SharedArrays& operator=(const SharedArrays&) = delete;
  ~SharedArrays();

  /// Before allocate(); a name each.
  template <typename T>
  void add(std::string name, std::vector<std::int64_t> shape) {
    add(std::move(name), type_name<T>(), std::move(shape), sizeof(T));
  }
  /// All zeros. Throws Error where there is no memory for it.
  void allocate();

  [[nodiscard]] std::span<const SharedArray> arrays() const { return arrays_; }
  /// A file that other processes of this user can map as long as this one lives.
  [[nodiscard]] std::string path() const;

  /// The elements of an array that was added as T.
  template <typename T>
  [[nodiscard]] std::span<T> of(std::string_view name) const {
    const SharedArray& array = find(name, type_name<T>());
    return {reinterpret_cast<T*>(memory_ + array.offset), array.bytes / sizeof(T)};
  }

 private:
  template <typename T>
  static constexpr std::string_view type_name() {
    if constexpr (std::is_same_v<T, float>) return "float32";
    if constexpr (std::is_same_v<T, double>) return "float64";
    if constexpr (std::is_same_v<T, std::int32_t>) return "int32";
    if constexpr (std::is_same_v<T, std::int64_t>) return "int64";
    if constexpr (std::is_same_v<T, std::uint8_t>) return "uint8";
  }
  void add(std::string name, std::string_view type, std::vector<std::int64_t> shape, std::size_t element);
  [[nodiscard]] const SharedArray& find(std::string_view name, std::string_view type) const;

  std::vector<SharedArray> arrays_;
  std::size_t size_ = 0;
  int file_ = -1;
  std::byte* memory_ = nullptr;
};

}  // namespace stepbench
