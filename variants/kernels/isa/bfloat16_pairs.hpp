// Sums of products of bfloat16 by vdpbf16ps, which takes two terms of each sum at once: products are exact, sums in
// float32, numbers below its normal ones are 0. A factor is never widened; a row of B and the next are mixed when they
// are loaded, so that panels are those of the other instruction sets.
#pragma once

#include "variants/kernels/bfloat16.hpp"
#include "variants/kernels/isa/fused_product.hpp"
#include "variants/kernels/isa/helpers.hpp"
#include "variants/kernels/isa/tile.hpp"

namespace stepbench {
namespace {
namespace isa {

inline __m256i load_halves(const Bfloat16* from) {
  __m256i halves;
  std::memcpy(&halves, from, sizeof halves);
  return halves;
}
inline __m256i load_halves(const Bfloat16* from, std::ptrdiff_t count) {
  return _mm256_maskz_loadu_epi16(static_cast<__mmask16>((1U << count) - 1), from);
}

using Pairs = Vector<std::uint16_t>;  // of two terms of each column, side by side

/// Two rows, the first in the lower half.
inline Pairs mixed(__m512i rows) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,  //
                                         23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  constexpr __mmask32 kAll = 0xffffffff;  // as of `widened` in vectors.hpp
  return __builtin_bit_cast(Pairs, _mm512_maskz_permutexvar_epi16(kAll, order, rows));
}
inline Pairs mixed(__m256i first, __m256i second) {
  constexpr __mmask8 kAll = 0xff;
  return mixed(_mm512_maskz_inserti64x4(kAll, _mm512_castsi256_si512(first), second, 1));
}

/// As Tiles. Of A the pair of terms 2p and 2p + 1 of row i stands at a + i * row + p * step, as two halves side by
/// side; behind an odd last term anything may stand.
struct PairTiles {
  std::ptrdiff_t depth;
  const Bfloat16* a;
  std::ptrdiff_t a_row, a_step;
  Grid<const Bfloat16> b;
  Grid<float> c;
  bool adds;  // c is added
};

/// As multiply_tile. kPanels: B is in panels, so that the row behind an element's is P further.
template <bool kPanels, bool kWhole, std::size_t kRows>
void multiply_pairs(const PairTiles& tile, std::ptrdiff_t first_row, std::ptrdiff_t first, std::ptrdiff_t columns) {
  constexpr std::size_t kVectors = kWhole ? kTileVectors : 1;
  // Rows of A, three to a pointer, as there.
  constexpr std::size_t kShare = 3, kPointers = (kRows + kShare - 1) / kShare;
  Registers<Registers<Vector<float>, kVectors>, kRows> sums{};
  const auto for_all = [&](const auto& work) __attribute__((always_inline)) {
    repeat<kRows>(
        [&]<std::size_t i>() { repeat<kVectors>([&]<std::size_t v>() { work.template operator()<i, v>(); }); });
  };
  const Grid<float> c = tile.c.from(first_row, first);
  const auto place_in_c = [&]<std::size_t i, std::size_t v>() {
    return c.data + std::ptrdiff_t{i} * c.row + vector_offset<float, v>(c.panel);
  };
  const std::ptrdiff_t a_row = tile.a_row;
  Registers<const Bfloat16*, kPointers> a;
  repeat<kPointers>([&]<std::size_t p>() { a.at[p] = tile.a + (first_row + std::ptrdiff_t{p * kShare}) * a_row; });
  Grid<const Bfloat16> b = tile.b.from(0, first);
  const auto pair_of = [&]<std::size_t i>() __attribute__((always_inline)) {
    std::uint32_t pair;
    std::memcpy(&pair, a.at[i / kShare] + std::ptrdiff_t{i % kShare} * a_row, sizeof pair);
    return pair;
  };
  const auto row_of_b = [&]<std::size_t v>(std::ptrdiff_t k) __attribute__((always_inline)) {
    const Bfloat16* from = b.data + k * b.row + vector_offset<float, v>(b.panel);
    return kPanels || kWhole ? load_halves(from) : load_halves(from, columns);
  };
  const auto add_products = [&](const Registers<Pairs, kVectors>& row, const auto& pair)
      __attribute__((always_inline)) {
    repeat<kRows>([&]<std::size_t i>() {
      const __m512bh factor =
          __builtin_bit_cast(__m512bh, _mm512_set1_epi32(static_cast<int>(pair.template operator()<i>())));
      repeat<kVectors>([&]<std::size_t v>() {
        sums.at[i].at[v] = _mm512_dpbf16_ps(sums.at[i].at[v], factor, __builtin_bit_cast(__m512bh, row.at[v]));
      });
    });
  };
  for (std::ptrdiff_t k = 0; k + 1 < tile.depth; k += 2) {
    Registers<Pairs, kVectors> row;
    repeat<kVectors>([&]<std::size_t v>() {
      if constexpr (kPanels) {
        __m512i two;
        std::memcpy(&two, b.data + vector_offset<float, v>(b.panel), sizeof two);
        row.at[v] = mixed(two);
      } else {
        row.at[v] = mixed(row_of_b.template operator()<v>(0), row_of_b.template operator()<v>(1));
      }
    });
    add_products(row, pair_of);
    b.data += 2 * b.row;
    repeat<kPointers>([&]<std::size_t p>() { a.at[p] += tile.a_step; });
  }
  if (tile.depth % 2 != 0) {
    Registers<Pairs, kVectors> row;
    repeat<kVectors>(
        [&]<std::size_t v>() { row.at[v] = mixed(row_of_b.template operator()<v>(0), _mm256_setzero_si256()); });
    // Not infinity or NaN times that zero.
    add_products(row, [&]<std::size_t i>() { return pair_of.template operator()<i>() & 0xffffU; });
  }
  for_all([&]<std::size_t i, std::size_t v>() {
    float* to = place_in_c.template operator()<i, v>();
    Vector<float> sum = sums.at[i].at[v];
    if constexpr (kWhole) {
      if (tile.adds) sum += load(to);
      store(sum, to);
    } else {
      if (tile.adds) sum += load_part(to, columns);
      store_part(sum, to, columns);
    }
  });
}

using PairTileFunction = void (*)(const PairTiles&, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t);

/// By rows - 1.
template <bool kPanels, bool kWhole>
constexpr Registers<PairTileFunction, static_cast<std::size_t>(kMaxRows)> kPairTiles =
    []<std::size_t... kRow>(std::index_sequence<kRow...>)
        ->Registers<PairTileFunction, static_cast<std::size_t>(kMaxRows)> {
  return {multiply_pairs<kPanels, kWhole, kRow + 1>...};
}
(std::make_index_sequence<static_cast<std::size_t>(kMaxRows)>());

template <bool kPanels>
void run_pair_tile(const PairTiles& tiles, std::ptrdiff_t first_row, std::ptrdiff_t rows, std::ptrdiff_t first,
                   std::ptrdiff_t columns) {
  const auto& functions = columns > kLanes<float> ? kPairTiles<kPanels, true> : kPairTiles<kPanels, false>;
  functions.at[rows - 1](tiles, first_row, first, columns);
}

/// sums (rows, columns), row-major with a stride, = rows of A times columns of B. At most kMaxRows rows. Sums are not
/// cut as those of the other instruction sets are: the rows of A lie as they are, in two bytes. Uncut against cuts of
/// 1024 terms, MLPs whose first layer has 4096 and 16384 inputs, batches of 32 and 128, one core of an AMD EPYC (Zen
/// 4): 0.98 to 1.06 times as fast; cuts of 256 and 512 against those of 1024: 0.93 to 1.00.
void sum_bfloat16_products(const Bfloat16Product& p, Range rows, Range columns, float* sums, std::ptrdiff_t stride) {
  const PairTiles tiles{.depth = p.b.rows,
                        .a = p.a.data + rows.begin * p.a.stride,
                        .a_row = p.a.stride,
                        .a_step = 2,
                        .b = grid(p.b).from(0, columns.begin),
                        .c = {sums, stride, kPanelColumns<float>},
                        .adds = false};
  for_tile_columns<float>({0, columns.size()}, [&](std::ptrdiff_t j, std::ptrdiff_t width) {
    run_pair_tile<true>(tiles, 0, rows.size(), j, width);
  });
}

/// to (pairs of rows, P) = columns (count, at most P) of X, a row and the next mixed; 0 behind an odd last row.
inline void mix_columns(Operand<const Bfloat16> from, std::ptrdiff_t columns, std::ptrdiff_t count, Bfloat16* to) {
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Bfloat16>;
  for (std::ptrdiff_t k = 0; k < count; k += 2) {
    const Bfloat16* row = from.data + k * from.stride;
    const __m256i first = load_halves(row, columns);
    const __m256i second = k + 1 < count ? load_halves(row + from.stride, columns) : _mm256_setzero_si256();
    const Pairs pairs = mixed(first, second);
    std::memcpy(to + k * kColumns, &pairs, sizeof pairs);
  }
}

/// The descent is 0: weights of two bytes are not updated in a tile.
template <>
void multiply_block<float, Bfloat16>(const LinearGradient<Bfloat16>& p, Range inputs, Range outputs, float /*descent*/,
                                     Grid<float> c) {
  constexpr std::ptrdiff_t kColumns = kPanelColumns<float>;
  alignas(kVectorBytes) Bfloat16 x[static_cast<std::size_t>(kSummedRows * kColumns)];
  for (std::ptrdiff_t first = inputs.begin; first < inputs.end; first += kColumns) {
    const std::ptrdiff_t some = least(kColumns, inputs.end - first);
    for (std::ptrdiff_t done = 0; done < p.rows; done += kSummedRows) {
      const std::ptrdiff_t depth = least(kSummedRows, p.rows - done);
      mix_columns({p.input.data + done * p.input.stride + first, p.input.stride}, some, depth, x);
      const PairTiles tiles{.depth = depth,
                            .a = x,
                            .a_row = 2,
                            .a_step = 2 * kColumns,
                            .b = grid(p.output_gradient).from(done, 0),
                            .c = c.from(first - inputs.begin, 0),
                            .adds = done > 0};
      for_tile_columns<float>(outputs, [&](std::ptrdiff_t j, std::ptrdiff_t width) {
        for_tile_rows<kInputTileRows<float>>({0, some}, [&](std::ptrdiff_t i, std::ptrdiff_t count) {
          run_pair_tile<false>(tiles, i, count, j, width);
        });
      });
    }
  }
}

}  // namespace isa
}  // namespace
}  // namespace stepbench
