// Products whose rows of A lie as they are: cut into tiles that the caches bear.
#pragma once

#include <cstring>

#include "variants/kernels/direct_product.hpp"
#include "variants/kernels/isa/helpers.hpp"
#include "variants/kernels/isa/tile.hpp"

namespace stepbench {
namespace {
namespace isa {

// B is taken in groups of this many tiles' columns: rows of A stay in the first-level cache for a group, the group's
// columns of B in the second-level cache, and C is written in longer pieces.
constexpr std::ptrdiff_t kGroupTiles = 4;
// Longer sums are cut, so that the group of B and the rows of A keep to their caches.
template <typename Scalar>
constexpr std::ptrdiff_t kMaxDepth = 4096 / std::ptrdiff_t{sizeof(Scalar)};

/// Rows of A that lie a multiple of a page apart share a handful of places in the first-level cache, and drive each
/// other out of it. Where they do, a tile works on a copy.
constexpr std::ptrdiff_t kConflictBytes = 4096;
template <typename Scalar>
struct RowsOfA {
  static constexpr std::ptrdiff_t kStride = kMaxDepth<Scalar> + kLanes<Scalar>;
  alignas(kVectorBytes) Scalar elements[static_cast<std::size_t>(kMaxRows * kStride)];

  Operand<const Scalar> take(Operand<const Scalar> from, std::ptrdiff_t rows, std::ptrdiff_t depth) {
    for (std::ptrdiff_t i = 0; i < rows; ++i) {
      std::memcpy(elements + i * kStride, from.data + i * from.stride,
                  static_cast<std::size_t>(depth) * sizeof(Scalar));
    }
    return {elements, kStride};
  }
};

/// Rows and columns of C = A B, or A^T B, with sums of `depth`, and what is done to them.
template <typename Scalar, RowsOf kRowsOf>
void multiply(Operand<const Scalar> a, Grid<const Scalar> b, std::ptrdiff_t depth, Grid<Scalar> c, Range rows,
              Range columns, const WriteOut<Scalar>& write_out) {
  constexpr std::ptrdiff_t kGroup = kGroupTiles * std::ptrdiff_t{kTileVectors} * kLanes<Scalar>;
  const bool copies = kRowsOf == RowsOf::a && a.stride * std::ptrdiff_t{sizeof(Scalar)} % kConflictBytes == 0;
  RowsOfA<Scalar> copy;
  for (std::ptrdiff_t done = 0; done < depth; done += kMaxDepth<Scalar>) {
    const std::ptrdiff_t some = least(kMaxDepth<Scalar>, depth - done);
    const bool first = done == 0, last = done + some == depth;
    Tiles<Scalar> tiles{.depth = some, .a = a, .b = b.from(done, 0), .c = c, .write_out = {.alpha = write_out.alpha}};
    tiles.write_out.beta = first ? write_out.beta : Scalar{1};
    if (last) {
      tiles.write_out.bias = write_out.bias;
      tiles.write_out.relu = write_out.relu;
      tiles.write_out.mask = write_out.mask;
    }
    tiles.a.data += kRowsOf == RowsOf::a ? done : done * a.stride;
    for (std::ptrdiff_t group = columns.begin; group < columns.end; group += kGroup) {
      const Range group_columns{group, least(columns.end, group + kGroup)};
      for_tile_rows<kMaxRows>(rows, [&](std::ptrdiff_t i, std::ptrdiff_t count) {
        const auto run = [&](const Tiles<Scalar>& of, std::ptrdiff_t row) {
          for_tile_columns<Scalar>(group_columns, [&](std::ptrdiff_t j, std::ptrdiff_t width) {
            run_tile<Scalar, kRowsOf, kMaxRows>(of, row, count, j, width);
          });
        };
        if (!copies) {
          run(tiles, i);
          return;
        }
        Tiles<Scalar> copied = tiles;
        copied.a = copy.take({tiles.a.data + i * a.stride, a.stride}, count, some);
        copied.c = tiles.c.from(i, 0);
        if (copied.write_out.mask.data != nullptr) copied.write_out.mask.data += i * copied.write_out.mask.stride;
        run(copied, 0);
      });
    }
  }
}

template <typename Scalar>
void direct_product(Transpose transpose_a, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, Scalar alpha,
                    Operand<const Scalar> a, Operand<const Scalar> b, Scalar beta, Operand<Scalar> c) {
  const WriteOut<Scalar> write_out{.alpha = alpha, .beta = beta};
  if (transpose_a == Transpose::yes) {
    multiply<Scalar, RowsOf::a_transposed>(a, grid(b), k, grid(c), {0, m}, {0, n}, write_out);
  } else {
    multiply<Scalar, RowsOf::a>(a, grid(b), k, grid(c), {0, m}, {0, n}, write_out);
  }
}

}  // namespace isa
}  // namespace
}  // namespace stepbench
