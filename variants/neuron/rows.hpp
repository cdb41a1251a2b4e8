// Views of matrices, row by row. Nothing here owns memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace stepbench::neuron {

/// Rows of equal width, one after the other: the samples of a batch, or the tokens of its sequences.
template <typename T>
struct Rows {
  T* first = nullptr;
  std::int64_t count = 0;
  std::int64_t width = 0;
  [[nodiscard]] std::span<T> operator[](std::int64_t row) const {
    return {first + row * width, static_cast<std::size_t>(width)};
  }
  [[nodiscard]] std::span<T> all() const { return {first, static_cast<std::size_t>(count * width)}; }
};

/// `width` neighbouring columns of `count` neighbouring rows of a matrix whose rows are `stride` apart.
template <typename T>
struct Columns {
  T* first = nullptr;
  std::int64_t count = 0;
  std::int64_t width = 0;
  std::int64_t stride = 0;
  [[nodiscard]] std::span<T> operator[](std::int64_t row) const {
    return {first + row * stride, static_cast<std::size_t>(width)};
  }
};

/// Columns column .. column + width - 1 of rows row .. row + count - 1.
template <typename T>
[[nodiscard]] Columns<T> columns_of(Rows<T> matrix, std::int64_t row, std::int64_t count, std::int64_t column,
                                    std::int64_t width) {
  return {matrix.first + row * matrix.width + column, count, width, matrix.width};
}

}  // namespace stepbench::neuron
