// The inner loops of the whole backend: one build of them for each instruction set. For this folder's .cpp files only;
// what is said in variants/kernels/isa/functions.hpp of such builds holds here, too.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stepbench::neuron {

template <typename Scalar>
struct AdamFactors {
  Scalar scale, weight_decay, keep1, take1, keep2, take2, shrink, step_size, root_correction, epsilon;
};

template <typename Scalar>
struct LoopFunctions {
  /// sum_j x[j] * y[j], in the order that vector registers need.
  Scalar (*dot)(const Scalar* x, const Scalar* y, std::size_t size);
  /// y += factor * x.
  void (*axpy)(Scalar factor, const Scalar* x, Scalar* y, std::size_t size);
  // A neuron's work on a batch, one call for all its samples: rows of `size` numbers, one after the other.
  /// out[s] = dot(x, rows[s]).
  void (*dots)(const Scalar* x, const Scalar* rows, std::int64_t count, std::size_t size, Scalar* out);
  /// y += factors[s] * rows[s], one row after the other.
  void (*add_rows)(const Scalar* factors, const Scalar* rows, std::int64_t count, std::size_t size, Scalar* y);
  /// rows[s] += factors[s] * x.
  void (*add_to_rows)(const Scalar* factors, const Scalar* x, std::int64_t count, std::size_t size, Scalar* rows);
  // Updates of w by its gradient, and of its moments.
  void (*sgd)(Scalar* w, const Scalar* gradient, std::size_t size, Scalar learning_rate, Scalar weight_decay,
              Scalar scale);
  void (*momentum)(Scalar* w, Scalar* v, const Scalar* gradient, std::size_t size, Scalar learning_rate,
                   Scalar momentum, Scalar weight_decay, Scalar scale);
  void (*adam)(Scalar* w, Scalar* m, Scalar* v, const Scalar* gradient, std::size_t size,
               const AdamFactors<Scalar>& factors);
};

struct Loops {
  LoopFunctions<float> float32;
  LoopFunctions<double> float64;
};

extern const Loops kPortableLoops, kAvx2Loops, kAvx512Loops;

}  // namespace stepbench::neuron
