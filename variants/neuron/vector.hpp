// The two inner loops of the whole backend. For this folder's .cpp files only: they are compiled with the option that
// gives the pragmas their meaning.
#pragma once

#include <cstddef>
#include <span>

namespace stepbench::neuron::internal {

/// sum_j x[j] * y[j]. The pragma permits the reordering of the sum that vector registers need.
template <typename Scalar>
Scalar dot(std::span<const Scalar> x, std::span<const Scalar> y) {
  Scalar sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::size_t j = 0; j < x.size(); ++j) sum += x[j] * y[j];
  return sum;
}

/// y += factor * x.
template <typename Scalar>
void axpy(Scalar factor, std::span<const Scalar> x, std::span<Scalar> y) {
#pragma omp simd
  for (std::size_t j = 0; j < x.size(); ++j) y[j] += factor * x[j];
}

}  // namespace stepbench::neuron::internal
