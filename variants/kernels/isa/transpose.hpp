// Transposition, square by square in registers.
#pragma once

#include "variants/kernels/isa/vectors.hpp"
#include "variants/kernels/operand.hpp"

namespace stepbench {
namespace {
namespace isa {

#if __has_builtin(__builtin_shufflevector)
/// Lanes of two rows, `kApart` apart, of a square whose blocks of that size are being exchanged: of `first`, or else of
/// the second, what the exchange makes of it.
template <std::size_t kApart, bool kFirst, typename Row, std::size_t... kLane>
Row exchanged(Row a, Row b, std::index_sequence<kLane...>) {
  constexpr std::size_t kCount = sizeof...(kLane);
  if constexpr (kFirst) {
    return __builtin_shufflevector(a, b, ((kLane & kApart) != 0 ? kCount + kLane - kApart : kLane)...);
  } else {
    return __builtin_shufflevector(a, b, ((kLane & kApart) != 0 ? kCount + kLane : kLane + kApart)...);
  }
}

/// A square of kLanes rows, in registers: blocks of 1, 2, 4, ... change places across the diagonal.
template <typename Scalar>
void transpose_block(Operand<const Scalar> from, Operand<Scalar> to) {
  constexpr std::size_t kCount = kVectorBytes / sizeof(Scalar);
  Registers<Vector<Scalar>, kCount> row;
  repeat<kCount>([&]<std::size_t i>() { row.at[i] = load(from.data + std::ptrdiff_t{i} * from.stride); });
  repeat<static_cast<std::size_t>(__builtin_ctzl(kCount))>([&]<std::size_t stage>() {
    constexpr std::size_t kApart = std::size_t{1} << stage;
    repeat<kCount>([&]<std::size_t i>() {
      if constexpr ((i & kApart) == 0) {
        const Vector<Scalar> a = row.at[i], b = row.at[i + kApart];
        row.at[i] = exchanged<kApart, true>(a, b, std::make_index_sequence<kCount>());
        row.at[i + kApart] = exchanged<kApart, false>(a, b, std::make_index_sequence<kCount>());
      }
    });
  });
  repeat<kCount>(
      [&]<std::size_t i>() { std::memcpy(to.data + std::ptrdiff_t{i} * to.stride, &row.at[i], sizeof row.at[i]); });
}
#else  // GCC 11
template <typename Scalar>
void transpose_block(Operand<const Scalar> from, Operand<Scalar> to) {
  for (std::ptrdiff_t j = 0; j < kLanes<Scalar>; ++j) {
    for (std::ptrdiff_t i = 0; i < kLanes<Scalar>; ++i) to.data[j * to.stride + i] = from.data[i * from.stride + j];
  }
}
#endif

template <typename Scalar>
void transpose(std::ptrdiff_t rows, std::ptrdiff_t columns, Operand<const Scalar> from, Operand<Scalar> to) {
  constexpr std::ptrdiff_t kBlock = kLanes<Scalar>;
  const std::ptrdiff_t whole_rows = rows - rows % kBlock, whole_columns = columns - columns % kBlock;
  for (std::ptrdiff_t j = 0; j < whole_columns; j += kBlock) {
    for (std::ptrdiff_t i = 0; i < whole_rows; i += kBlock) {
      transpose_block<Scalar>({from.data + i * from.stride + j, from.stride}, {to.data + j * to.stride + i, to.stride});
    }
  }
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    for (std::ptrdiff_t j = i < whole_rows ? whole_columns : 0; j < columns; ++j) {
      to.data[j * to.stride + i] = from.data[i * from.stride + j];
    }
  }
}

}  // namespace isa
}  // namespace
}  // namespace stepbench
