// The direct product: a tile of sums in registers.
#pragma once

#include <cstring>
#include <utility>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "variants/kernels/direct_product.hpp"
#include "variants/kernels/isa/helpers.hpp"

namespace stepbench {
namespace {
namespace isa {

// A tile of C is kMaxRows x 2 vectors of sums: with the two vectors of B and one element of A, that fills the
// registers.
#if defined(__AVX512F__)
constexpr std::size_t kVectorBytes = 64;
constexpr std::ptrdiff_t kMaxRows = 14;  // of 32 registers
#elif defined(__AVX2__)
constexpr std::size_t kVectorBytes = 32;
constexpr std::ptrdiff_t kMaxRows = 6;  // of 16 registers
#else
constexpr std::size_t kVectorBytes = 16;
constexpr std::ptrdiff_t kMaxRows = 6;
#endif
constexpr std::size_t kTileVectors = 2;
// A tile's next columns of B are fetched where a tile takes all of a cache line at a time.
constexpr bool kFetchesAhead = kVectorBytes == 64;
constexpr int kForReading = 0, kForWriting = 1, kSecondLevel = 2, kFirstLevel = 3;  // of __builtin_prefetch
// B is taken in groups of this many tiles' columns: rows of A stay in the first-level cache for a group, the group's
// columns of B in the second-level cache, and C is written in longer pieces.
constexpr std::ptrdiff_t kGroupTiles = 4;
// Longer sums are cut, so that the group of B and the rows of A keep to their caches.
template <typename Scalar>
constexpr std::ptrdiff_t kMaxDepth = 4096 / std::ptrdiff_t{sizeof(Scalar)};

template <typename Scalar>
struct VectorOf {
  using Type __attribute__((vector_size(kVectorBytes))) = Scalar;
};
template <typename Scalar>
using Vector = typename VectorOf<Scalar>::Type;
template <typename Scalar>
constexpr std::ptrdiff_t kLanes = kVectorBytes / sizeof(Scalar);

template <typename Scalar>
Vector<Scalar> load(const Scalar* from) {
  Vector<Scalar> lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

/// The first `count` lanes; the others are 0 and their memory is not touched.
#if defined(__AVX512F__)
__m512 load_part(const float* from, std::ptrdiff_t count) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), from);
}
__m512d load_part(const double* from, std::ptrdiff_t count) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1U << count) - 1), from);
}
#elif defined(__AVX2__)
__m256 load_part(const float* from, std::ptrdiff_t count) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_maskload_ps(from, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lane));
}
__m256d load_part(const double* from, std::ptrdiff_t count) {
  return _mm256_maskload_pd(from, _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3)));
}
#else
template <typename Scalar>
Vector<Scalar> load_part(const Scalar* from, std::ptrdiff_t count) {
  Vector<Scalar> lanes{};
  for (std::ptrdiff_t j = 0; j < count; ++j) lanes[j] = from[j];
  return lanes;
}
#endif

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

/// f<0>(), ..., f<kCount - 1>(): an array that is indexed by constants only can live in registers.
template <std::size_t kCount, typename Function>
[[gnu::always_inline]] inline void repeat(const Function& f) {
  [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) __attribute__((always_inline)) {
    (f.template operator()<kIndex>(), ...);
  }
  (std::make_index_sequence<kCount>());
}

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
