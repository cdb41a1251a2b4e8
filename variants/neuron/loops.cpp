// One build: STEPBENCH_TABLE is the name of its table.
#include "variants/neuron/loops.hpp"

namespace stepbench::neuron {
namespace {

float root(float x) { return __builtin_sqrtf(x); }
double root(double x) { return __builtin_sqrt(x); }

template <typename Scalar>
Scalar dot(const Scalar* x, const Scalar* y, std::size_t size) {
  Scalar sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::size_t j = 0; j < size; ++j) sum += x[j] * y[j];
  return sum;
}

template <typename Scalar>
void axpy(Scalar factor, const Scalar* x, Scalar* y, std::size_t size) {
#pragma omp simd
  for (std::size_t j = 0; j < size; ++j) y[j] += factor * x[j];
}

template <typename Scalar>
void dots(const Scalar* x, const Scalar* rows, std::int64_t count, std::size_t size, Scalar* out) {
  for (std::int64_t s = 0; s < count; ++s, rows += size) out[s] = dot(x, rows, size);
}

template <typename Scalar>
void add_rows(const Scalar* factors, const Scalar* rows, std::int64_t count, std::size_t size, Scalar* y) {
  for (std::int64_t s = 0; s < count; ++s, rows += size) axpy(factors[s], rows, y, size);
}

template <typename Scalar>
void add_to_rows(const Scalar* factors, const Scalar* x, std::int64_t count, std::size_t size, Scalar* rows) {
  for (std::int64_t s = 0; s < count; ++s, rows += size) axpy(factors[s], x, rows, size);
}

template <typename Scalar>
void sgd(Scalar* w, const Scalar* gradient, std::size_t size, Scalar learning_rate, Scalar weight_decay, Scalar scale) {
#pragma omp simd
  for (std::size_t i = 0; i < size; ++i) {
    w[i] -= learning_rate * (scale * gradient[i] + weight_decay * w[i]);
  }
}

template <typename Scalar>
void momentum(Scalar* w, Scalar* v, const Scalar* gradient, std::size_t size, Scalar learning_rate, Scalar momentum,
              Scalar weight_decay, Scalar scale) {
#pragma omp simd
  for (std::size_t i = 0; i < size; ++i) {
    v[i] = momentum * v[i] + (scale * gradient[i] + weight_decay * w[i]);
    w[i] -= learning_rate * v[i];
  }
}

template <typename Scalar>
void adam(Scalar* w, Scalar* m, Scalar* v, const Scalar* gradient, std::size_t size,
          const AdamFactors<Scalar>& factors) {
  const AdamFactors<Scalar> f = factors;
#pragma omp simd
  for (std::size_t i = 0; i < size; ++i) {
    const Scalar g = f.scale * gradient[i] + f.weight_decay * w[i];
    m[i] = f.keep1 * m[i] + f.take1 * g;
    v[i] = f.keep2 * v[i] + f.take2 * g * g;
    w[i] = f.shrink * w[i] - f.step_size * m[i] / (root(v[i]) / f.root_correction + f.epsilon);
  }
}

template <typename Scalar>
constexpr LoopFunctions<Scalar> kFunctions = {dot<Scalar>,         axpy<Scalar>, dots<Scalar>,     add_rows<Scalar>,
                                              add_to_rows<Scalar>, sgd<Scalar>,  momentum<Scalar>, adam<Scalar>};

}  // namespace

const Loops STEPBENCH_TABLE = {kFunctions<float>, kFunctions<double>};

}  // namespace stepbench::neuron
