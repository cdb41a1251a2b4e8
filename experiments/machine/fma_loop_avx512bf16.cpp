// vdpbf16ps, which adds two products of bfloat16 to each lane: 24 chains and 2 constants of 32 registers.
#include <immintrin.h>

#include <utility>

#include "experiments/machine/fma_loop.hpp"

namespace stepbench {
namespace {

constexpr int kLanes = 16;

/// As fma_loop of fma_loop_body.hpp.
template <int... kChain>
double fma_loop(long iterations, double start, std::integer_sequence<int, kChain...>) {
  // x := x + (1 * 1 - 1 * 1) stays what it is.
  const __m512bh ones = __builtin_bit_cast(__m512bh, _mm512_set1_epi32(0x3f803f80)),
                 signs = __builtin_bit_cast(__m512bh, _mm512_set1_epi32(0x3f800000 | 0xbf80));
  __m512 chains[] = {_mm512_set1_ps(static_cast<float>(start) + static_cast<float>(kChain))...};
  for (long i = 0; i < iterations; ++i) ((chains[kChain] = _mm512_dpbf16_ps(chains[kChain], ones, signs)), ...);
  return (static_cast<double>(chains[kChain][0]) + ...);
}

template <int kChains>
double run_fma_loop(long iterations, double start) {
  return fma_loop(iterations, start, std::make_integer_sequence<int, kChains>());
}

}  // namespace

FmaLoop fma_loop_avx512bf16() {
  constexpr int kChains = 24;
  return {run_fma_loop<kChains>, 4.0 * kLanes * kChains};
}

}  // namespace stepbench
