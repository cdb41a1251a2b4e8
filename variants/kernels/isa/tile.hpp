// A tile of a product: its sums, as in Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication"
// (2008), and what is done to them before they leave the registers. All products are made of it.
#pragma once

#include "variants/kernels/fused_product.hpp"
#include "variants/kernels/isa/helpers.hpp"
#include "variants/kernels/isa/vectors.hpp"

namespace stepbench {
namespace {
namespace isa {

/// A matrix in panels or row-major: element (i, j) at data[i * row + (j / P) * panel + j % P]. Row-major, a panel is P
/// elements from the one before.
template <typename Scalar>
struct Grid {
  Scalar* data;
  std::ptrdiff_t row, panel;

  [[nodiscard]] Grid from(std::ptrdiff_t i, std::ptrdiff_t j) const {
    constexpr std::ptrdiff_t kColumns = kPanelColumns<Scalar>;
    return {data + i * row + j / kColumns * panel + j % kColumns, row, panel};
  }
};

template <typename Scalar>
[[nodiscard]] Grid<Scalar> grid(Panels<Scalar> matrix) {
  return {matrix.data, kPanelColumns<Scalar>, matrix.stride()};
}
template <typename Scalar>
[[nodiscard]] Grid<Scalar> grid(Operand<Scalar> matrix) {
  return {matrix.data, matrix.stride, kPanelColumns<Scalar>};
}

/// A tile's vector v, from its first: a tile begins where it does not straddle more panels than it must.
template <typename Scalar, std::size_t v>
[[nodiscard, gnu::always_inline]] inline std::ptrdiff_t vector_offset(std::ptrdiff_t panel) {
  constexpr std::size_t kBytes = v * kVectorBytes, kPanelBytes = kPanelColumns<Scalar> * sizeof(Scalar);
  return std::ptrdiff_t{kBytes / kPanelBytes} * panel + std::ptrdiff_t{kBytes % kPanelBytes / sizeof(Scalar)};
}

/// What is done to the sums, in this order.
template <typename Scalar>
struct WriteOut {
  Scalar alpha = 1;              // times the sum
  Scalar beta = 0;               // c times that is added; 0: c is not read
  const Scalar* bias = nullptr;  // where not null: added to every row
  bool relu = false;
  Operand<const Scalar> mask{};  // where not null: 0 where it is not above 0
  Scalar descent = 0;            // where not 0, of X^T dY: c - descent * sum
};

/// What tiles have in common: factors and C from row 0 and column 0 on. Stored: what B lies in memory as. Made once for
/// many: a copy made for each tile reads wide what was just written narrow, and waits for it (dW at batch 32, AVX2 on
/// Zen 5: 62 in place of 93% of the peak).
template <typename Scalar, typename Stored = Scalar>
struct Tiles {
  std::ptrdiff_t depth;
  Operand<const Scalar> a;
  Grid<const Stored> b;
  Grid<Scalar> c;
  WriteOut<Scalar> write_out;
};

/// Whose rows a tile multiplies: element (i, k) of A stands at (i, k), or for X^T dY at (k, i).
enum class RowsOf { a, a_transposed };

/// The tile at (first_row, first): kRows rows of two vectors or, at the right edge, of `columns` columns. Every
/// loop over rows and vectors is unrolled, or GCC keeps the sums in memory.
template <typename Scalar, typename Stored, RowsOf kRowsOf, bool kWhole, std::size_t kRows>
void multiply_tile(const Tiles<Scalar, Stored>& tile, std::ptrdiff_t first_row, std::ptrdiff_t first,
                   std::ptrdiff_t columns) {
  constexpr std::size_t kVectors = kWhole ? kTileVectors : 1;
  constexpr bool kAcross = kRowsOf == RowsOf::a_transposed;
  // Rows of A, three to a pointer: an x86 address has room for one stride, once or twice. Where they lie side by side,
  // they need one pointer.
  constexpr std::size_t kShare = kAcross ? kRows : 3, kPointers = (kRows + kShare - 1) / kShare;
  const std::ptrdiff_t row_stride = kAcross ? 1 : tile.a.stride, step = kAcross ? tile.a.stride : 1;
  Registers<Registers<Vector<Scalar>, kVectors>, kRows> sums{};
  const auto for_all = [&](const auto& work) __attribute__((always_inline)) {
    repeat<kRows>(
        [&]<std::size_t i>() { repeat<kVectors>([&]<std::size_t v>() { work.template operator()<i, v>(); }); });
  };
  const auto read = [&](const auto* from) __attribute__((always_inline))->Vector<Scalar> {
    return kWhole ? load(from) : load_part(from, columns);
  };
  const Grid<Scalar> c = tile.c.from(first_row, first);
  const auto place_in_c = [&]<std::size_t i, std::size_t v>() {
    return c.data + std::ptrdiff_t{i} * c.row + vector_offset<Scalar, v>(c.panel);
  };
  for_all([&]<std::size_t i, std::size_t v>() {  // it is on its way meanwhile
    __builtin_prefetch(place_in_c.template operator()<i, v>(), kForWriting, kFirstLevel);
  });

  Registers<const Scalar*, kPointers> a;
  repeat<kPointers>(
      [&]<std::size_t p>() { a.at[p] = tile.a.data + (first_row + std::ptrdiff_t{p * kShare}) * row_stride; });
  Grid<const Stored> b = tile.b.from(0, first);
// Unrolled against not, `stepbench race`, one thread of an AMD EPYC (Zen 5); mlp-speed at batch 32, 128, 512, then
// transformer-speed: AVX2 1.03, 1.01, 1.02, 1.02 times as fast; AVX-512 0.99, 1.00, 1.00, 1.05; 128-bit
// vectors 1.02, 1.01, 1.01. Fetching B's next columns ahead gains nothing from panels (AVX-512, batch 512: -6 points of
// the peak).
#pragma GCC unroll 4
  for (std::ptrdiff_t k = 0; k < tile.depth; ++k) {
    Registers<Vector<Scalar>, kVectors> row;
    repeat<kVectors>([&]<std::size_t v>() { row.at[v] = read(b.data + vector_offset<Scalar, v>(b.panel)); });
    repeat<kRows>([&]<std::size_t i>() {
      const Scalar factor = a.at[i / kShare][std::ptrdiff_t{i % kShare} * row_stride];
      repeat<kVectors>([&]<std::size_t v>() { sums.at[i].at[v] += factor * row.at[v]; });
    });
    b.data += b.row;
    repeat<kPointers>([&]<std::size_t p>() { a.at[p] += step; });
  }

  const WriteOut<Scalar>& out = tile.write_out;
  const Vector<Scalar> zero{};
  if (out.alpha != 1) {
    for_all([&]<std::size_t i, std::size_t v>() { sums.at[i].at[v] = out.alpha * sums.at[i].at[v]; });
  }
  if (out.beta != 0) {
    for_all([&]<std::size_t i, std::size_t v>() {
      sums.at[i].at[v] += out.beta * read(place_in_c.template operator()<i, v>());
    });
  }
  if constexpr (kAcross) {
    if (out.descent != 0) {
      for_all([&]<std::size_t i, std::size_t v>() {
        sums.at[i].at[v] = read(place_in_c.template operator()<i, v>()) - out.descent * sums.at[i].at[v];
      });
    }
  } else {
    if (out.bias != nullptr) {
      Registers<Vector<Scalar>, kVectors> bias;
      repeat<kVectors>(
          [&]<std::size_t v>() { bias.at[v] = read(out.bias + first + std::ptrdiff_t{v} * kLanes<Scalar>); });
      for_all([&]<std::size_t i, std::size_t v>() { sums.at[i].at[v] += bias.at[v]; });
    }
    if (out.relu) {
      for_all([&]<std::size_t i, std::size_t v>() {
        sums.at[i].at[v] = sums.at[i].at[v] < zero ? zero : sums.at[i].at[v];
      });
    }
    if (out.mask.data != nullptr) {
      for_all([&]<std::size_t i, std::size_t v>() {
        const Vector<Scalar> mask = read(out.mask.data + first + (first_row + std::ptrdiff_t{i}) * out.mask.stride +
                                         std::ptrdiff_t{v} * kLanes<Scalar>);
        sums.at[i].at[v] = mask > zero ? sums.at[i].at[v] : zero;
      });
    }
  }
  for_all([&]<std::size_t i, std::size_t v>() {
    Scalar* to = place_in_c.template operator()<i, v>();
    if constexpr (kWhole) {
      store(sums.at[i].at[v], to);
    } else {
      store_part(sums.at[i].at[v], to, columns);
    }
  });
}

template <typename Scalar, typename Stored>
using TileFunction = void (*)(const Tiles<Scalar, Stored>&, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t);

/// By rows - 1.
template <typename Scalar, typename Stored, RowsOf kRowsOf, bool kWhole, std::size_t kCount>
constexpr Registers<TileFunction<Scalar, Stored>, kCount> kTiles =
    []<std::size_t... kRow>(std::index_sequence<kRow...>)->Registers<TileFunction<Scalar, Stored>, kCount> {
  return {multiply_tile<Scalar, Stored, kRowsOf, kWhole, kRow + 1>...};
}
(std::make_index_sequence<kCount>());

/// Calls work(first row, rows) for tiles of at most kMost rows and about the same height: 16 are two of 8, not 14
/// and 2.
template <std::ptrdiff_t kMost, typename Work>
[[gnu::always_inline]] inline void for_tile_rows(Range rows, const Work& work) {
  const std::ptrdiff_t count = rows.size(), tiles = (count + kMost - 1) / kMost;
  for (std::ptrdiff_t t = 0; t < tiles; ++t) {
    const std::ptrdiff_t i = t * count / tiles;
    work(rows.begin + i, (t + 1) * count / tiles - i);
  }
}

/// Calls work(first column, columns) for tiles.
template <typename Scalar, typename Work>
[[gnu::always_inline]] inline void for_tile_columns(Range columns, const Work& work) {
  constexpr std::ptrdiff_t kColumns = std::ptrdiff_t{kTileVectors} * kLanes<Scalar>;
  for (std::ptrdiff_t j = columns.begin, count = 0; j < columns.end; j += count) {
    count = columns.end - j >= kColumns ? kColumns : least(kLanes<Scalar>, columns.end - j);
    work(j, count);
  }
}

template <typename Scalar, RowsOf kRowsOf, std::ptrdiff_t kMost, typename Stored>
void run_tile(const Tiles<Scalar, Stored>& tiles, std::ptrdiff_t first_row, std::ptrdiff_t rows, std::ptrdiff_t first,
              std::ptrdiff_t columns) {
  constexpr auto kCount = static_cast<std::size_t>(kMost);
  const auto& functions = columns > kLanes<Scalar> ? kTiles<Scalar, Stored, kRowsOf, true, kCount>
                                                   : kTiles<Scalar, Stored, kRowsOf, false, kCount>;
  functions.at[rows - 1](tiles, first_row, first, columns);
}

}  // namespace isa
}  // namespace
}  // namespace stepbench
