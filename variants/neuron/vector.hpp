// The inner loops, by the instruction set in use. For this folder's .cpp files only.
#pragma once

#include <span>

#include "core/isa.hpp"
#include "variants/neuron/loops.hpp"

namespace stepbench::neuron::internal {

template <typename Scalar>
const LoopFunctions<Scalar>& loops() {
  static const Loops& chosen = STEPBENCH_CHOOSE_TABLE(Loops);
  if constexpr (sizeof(Scalar) == sizeof(float)) {
    return chosen.float32;
  } else {
    return chosen.float64;
  }
}

/// sum_j x[j] * y[j].
template <typename Scalar>
Scalar dot(std::span<const Scalar> x, std::span<const Scalar> y) {
  return loops<Scalar>().dot(x.data(), y.data(), x.size());
}

/// y += factor * x.
template <typename Scalar>
void axpy(Scalar factor, std::span<const Scalar> x, std::span<Scalar> y) {
  loops<Scalar>().axpy(factor, x.data(), y.data(), x.size());
}

}  // namespace stepbench::neuron::internal
