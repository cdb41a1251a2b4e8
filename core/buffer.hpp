// Dense memory for what the kernels stream through.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace stepbench {

inline constexpr std::size_t kCacheLine = 64;                       // bytes; also the widest vector register
inline constexpr std::size_t kHugePage = std::size_t{2} << 20;      // bytes
inline constexpr std::size_t kHugePageFrom = std::size_t{1} << 19;  // bytes; smaller buffers stay on small pages

/// Cache-line aligned; large buffers on huge pages where the system gives them on request. A matrix product packs its
/// operands column by column, which touches a page per row: with small pages that costs 3 to 5% of a training step.
template <typename T>
struct BufferAllocator {
  using value_type = T;
  BufferAllocator() = default;
  template <typename U>
  explicit BufferAllocator(const BufferAllocator<U>&) {}

  T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    void* memory = ::operator new(padded(bytes), alignment(bytes));
#if defined(__linux__)
    if (bytes >= kHugePageFrom) madvise(memory, padded(bytes), MADV_HUGEPAGE);  // a wish: failure costs speed only
#endif
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) noexcept { ::operator delete(memory, alignment(count * sizeof(T))); }
  bool operator==(const BufferAllocator&) const = default;

 private:
  static std::align_val_t alignment(std::size_t bytes) {
    return std::align_val_t{bytes >= kHugePageFrom ? kHugePage : kCacheLine};
  }
  static std::size_t padded(std::size_t bytes) {
    return bytes >= kHugePageFrom ? (bytes + kHugePage - 1) / kHugePage * kHugePage : bytes;
  }
};

template <typename T>
using Buffer = std::vector<T, BufferAllocator<T>>;

}  // namespace stepbench
