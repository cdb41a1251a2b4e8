// The one loop that fma_loop_*.cpp compile. In an unnamed namespace, since each of them compiles its own.
#pragma once

#include <utility>

#include "experiments/machine/fma_loop.hpp"

namespace stepbench {
namespace {

/// The chains are independent of each other: there must be more of them than an FMA's latency (4 or 5 cycles) times the
/// CPU's FMA units (2), and, with the two constants, no more than registers.
template <typename Scalar, int kVectorBytes, int... kChain>
double fma_loop(long iterations, double start, std::integer_sequence<int, kChain...>) {
  using Vector __attribute__((vector_size(kVectorBytes))) = Scalar;
  // x := x * 0.999 + 0.001 goes to 1 and stays there: no overflow, no denormals.
  const Vector factor = Vector{} + Scalar(0.999), summand = Vector{} + Scalar(0.001);
  Vector chains[] = {(Vector{} + (static_cast<Scalar>(start) + static_cast<Scalar>(kChain)))...};
  for (long i = 0; i < iterations; ++i) ((chains[kChain] = chains[kChain] * factor + summand), ...);
  return (static_cast<double>(chains[kChain][0]) + ...);
}

template <typename Scalar, int kVectorBytes, int kChains>
double run_fma_loop(long iterations, double start) {
  return fma_loop<Scalar, kVectorBytes>(iterations, start, std::make_integer_sequence<int, kChains>());
}

template <int kVectorBytes, int kChains>
FmaLoop make_fma_loop(bool single_precision) {
  constexpr double kBytesPerIteration = 2.0 * kVectorBytes * kChains;
  if (single_precision) return {run_fma_loop<float, kVectorBytes, kChains>, kBytesPerIteration / sizeof(float)};
  return {run_fma_loop<double, kVectorBytes, kChains>, kBytesPerIteration / sizeof(double)};
}

}  // namespace
}  // namespace stepbench
