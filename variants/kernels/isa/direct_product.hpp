// The direct product: a tile of sums in registers.
#pragma once

#include <cstring>
#include <utility>

#include "variants/kernels/direct_product.hpp"
#include "variants/kernels/isa/helpers.hpp"
#include "variants/kernels/isa/vectors.hpp"

namespace stepbench {
namespace {
namespace isa {

// A tile's next columns of B are fetched where a tile takes all of a cache line at a time.
constexpr bool kFetchesAhead = kVectorBytes == 64;
// B is taken in groups of this many tiles' columns: rows of A stay in the first-level cache for a group, the group's
// columns of B in the second-level cache, and C is written in longer pieces.
constexpr std::ptrdiff_t kGroupTiles = 4;
// Longer sums are cut, so that the group of B and the rows of A keep to their caches.
template <typename Scalar>
constexpr std::ptrdiff_t kMaxDepth = 4096 / std::ptrdiff_t{sizeof(Scalar)};

template <typename Scalar>
struct TileArguments {
  std::ptrdiff_t depth;
  Scalar alpha;
  Operand<const Scalar> a, b;
  Scalar beta;
  Operand<Scalar> c;
  std::ptrdiff_t columns;      // of a part of a tile: at most kLanes
  std::ptrdiff_t fetch_ahead;  // columns from those of the tile to those of B that are fetched into the cache meanwhile
};

/// C of a tile: kRows rows of two vectors or, of a part of a tile at the right edge, of `columns` columns.
template <typename Scalar, Transpose kTransposeA, bool kWhole, std::size_t kRows>
void multiply_tile(const TileArguments<Scalar>& tile) {
  constexpr std::size_t kVectors = kWhole ? kTileVectors : 1;
  // Rows of A, three to a pointer: an x86 address has room for one stride, once or twice. A row of A^T needs one
  // pointer.
  constexpr std::size_t kShare = kTransposeA == Transpose::yes ? kRows : 3, kPointers = (kRows + kShare - 1) / kShare;
  const std::ptrdiff_t row_stride = kTransposeA == Transpose::yes ? 1 : tile.a.stride;
  const std::ptrdiff_t step = kTransposeA == Transpose::yes ? tile.a.stride : 1;
  Registers<const Scalar*, kPointers> a;
  repeat<kPointers>([&]<std::size_t p>() { a.at[p] = tile.a.data + std::ptrdiff_t{p * kShare} * row_stride; });
  const Scalar* b = tile.b.data;
  Registers<Registers<Vector<Scalar>, kVectors>, kRows> sums{};
  repeat<kRows>([&]<std::size_t i>() {  // C, which is written last, is on its way meanwhile
    repeat<kVectors>([&]<std::size_t v>() {
      const Scalar* c = tile.c.data + std::ptrdiff_t{i} * tile.c.stride + std::ptrdiff_t{v} * kLanes<Scalar>;
      __builtin_prefetch(c, kForWriting, kFirstLevel);
    });
  });
// Unrolled, and without fetching ahead but for AVX-512, against neither (`stepbench race`, one thread of an AMD EPYC,
// Zen 5; mlp-speed at batch 32, 128, 512, then transformer-speed): AVX2 1.03, 1.01, 1.02, 1.02 times as fast; AVX-512,
// unrolled alone, 0.99, 1.00, 1.00, 1.05; 128-bit vectors 1.02, 1.01, 1.01.
#pragma GCC unroll 4
  for (std::ptrdiff_t k = 0; k < tile.depth; ++k) {
    Registers<Vector<Scalar>, kVectors> row;
    repeat<kVectors>([&]<std::size_t v>() {
      const Scalar* from = b + std::ptrdiff_t{v} * kLanes<Scalar>;
      row.at[v] = kWhole ? load(from) : load_part(from, tile.columns);
    });
    repeat<kRows>([&]<std::size_t i>() {
      const Scalar factor = a.at[i / kShare][std::ptrdiff_t{i % kShare} * row_stride];
      repeat<kVectors>([&]<std::size_t v>() { sums.at[i].at[v] += factor * row.at[v]; });
    });
    if constexpr (kFetchesAhead) {
      repeat<kVectors>([&]<std::size_t v>() {
        __builtin_prefetch(b + tile.fetch_ahead + std::ptrdiff_t{v} * kLanes<Scalar>, kForReading, kSecondLevel);
      });
    }
    b += tile.b.stride;
    repeat<kPointers>([&]<std::size_t p>() { a.at[p] += step; });
  }
  repeat<kRows>([&]<std::size_t i>() {
    repeat<kVectors>([&]<std::size_t v>() {
      Scalar* c = tile.c.data + std::ptrdiff_t{i} * tile.c.stride + std::ptrdiff_t{v} * kLanes<Scalar>;
      Vector<Scalar> result = tile.alpha * sums.at[i].at[v];
      if constexpr (kWhole) {
        if (tile.beta != 0) result += tile.beta * load(c);
        std::memcpy(c, &result, sizeof result);
      } else {
        if (tile.beta != 0) result += tile.beta * load_part(c, tile.columns);
        std::memcpy(c, &result, static_cast<std::size_t>(tile.columns) * sizeof(Scalar));
      }
    });
  });
}

template <typename Scalar>
using TileFunction = void (*)(const TileArguments<Scalar>&);

/// By rows - 1.
template <typename Scalar, Transpose kTransposeA, bool kWhole>
constexpr Registers<TileFunction<Scalar>, kMaxRows> kTiles =
    []<std::size_t... kRow>(std::index_sequence<kRow...>)->Registers<TileFunction<Scalar>, kMaxRows> {
  return {multiply_tile<Scalar, kTransposeA, kWhole, kRow + 1>...};
}
(std::make_index_sequence<kMaxRows>());

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

template <typename Scalar, Transpose kTransposeA>
void multiply(std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, Scalar alpha, Operand<const Scalar> a,
              Operand<const Scalar> b, Scalar beta, Operand<Scalar> c) {
  constexpr std::ptrdiff_t kColumns = std::ptrdiff_t{kTileVectors} * kLanes<Scalar>, kGroup = kGroupTiles * kColumns;
  // Rows of C are shared out evenly: 16 rows are two tiles of 8, not 14 and 2.
  const std::ptrdiff_t tiles = (m + kMaxRows - 1) / kMaxRows;
  const bool copies = kTransposeA == Transpose::no && a.stride * std::ptrdiff_t{sizeof(Scalar)} % kConflictBytes == 0;
  RowsOfA<Scalar> copy;
  for (std::ptrdiff_t group = 0; group < n; group += kGroup) {
    const std::ptrdiff_t end = least(n, group + kGroup);
    for (std::ptrdiff_t t = 0; t < tiles; ++t) {
      const std::ptrdiff_t i = t * m / tiles, rows = (t + 1) * m / tiles - i;
      Operand<const Scalar> tile_a{a.data + (kTransposeA == Transpose::yes ? i : i * a.stride), a.stride};
      if (copies) tile_a = copy.take(tile_a, rows, k);
      for (std::ptrdiff_t j = group, columns = 0; j < end; j += columns) {
        const bool whole = end - j >= kColumns;
        columns = whole ? kColumns : least(kLanes<Scalar>, end - j);
        const auto& functions = whole ? kTiles<Scalar, kTransposeA, true> : kTiles<Scalar, kTransposeA, false>;
        functions.at[rows - 1]({.depth = k,
                                .alpha = alpha,
                                .a = tile_a,
                                .b = {b.data + j, b.stride},
                                .beta = beta,
                                .c = {c.data + i * c.stride + j, c.stride},
                                .columns = columns,
                                .fetch_ahead = t == 0 && end < n ? kGroup : 0});
      }
    }
  }
}

template <typename Scalar>
void direct_product(Transpose transpose_a, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, Scalar alpha,
                    Operand<const Scalar> a, Operand<const Scalar> b, Scalar beta, Operand<Scalar> c) {
  for (std::ptrdiff_t done = 0; done < k; done += kMaxDepth<Scalar>) {
    const std::ptrdiff_t depth = least(kMaxDepth<Scalar>, k - done);
    const Operand<const Scalar> rows{b.data + done * b.stride, b.stride};
    if (transpose_a == Transpose::yes) {
      multiply<Scalar, Transpose::yes>(m, n, depth, alpha, {a.data + done * a.stride, a.stride}, rows, beta, c);
    } else {
      multiply<Scalar, Transpose::no>(m, n, depth, alpha, {a.data + done, a.stride}, rows, beta, c);
    }
    beta = 1;
  }
}

}  // namespace isa
}  // namespace
}  // namespace stepbench
