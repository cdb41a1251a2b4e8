// Dense memory for the matrix kernels.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace stepbench {

inline constexpr std::size_t kBufferAlignment = 64;  // a cache line, and the widest vector register

template <typename T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <typename U>
  explicit AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{kBufferAlignment}));
  }
  void deallocate(T* memory, std::size_t) noexcept { ::operator delete (memory, std::align_val_t{kBufferAlignment}); }
  bool operator==(const AlignedAllocator&) const = default;
};

template <typename T>
using Buffer = std::vector<T, AlignedAllocator<T>>;

/// Indices [begin, end): rows of a batch, or output rows of a weight matrix.
struct Range {
  std::ptrdiff_t begin = 0;
  std::ptrdiff_t end = 0;
  [[nodiscard]] std::ptrdiff_t size() const { return end - begin; }
};

}  // namespace stepbench
