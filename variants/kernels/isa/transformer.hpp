// The passes of a transformer between its products.
#pragma once

#include <numbers>

#include "variants/kernels/isa/exp.hpp"
#include "variants/kernels/isa/helpers.hpp"
#include "variants/kernels/transformer_kernels.hpp"

namespace stepbench {
namespace {
namespace isa {

// Elements that are worked on at a time where a pass needs a temporary: it stays in the first-level cache.
constexpr std::ptrdiff_t kChunk = 512;

// gelu(z) = z / 2 (1 + tanh(u)) = z sigmoid(2u) with u = kGeluScale (z + kGeluCubic z^3): one exponential, no tanh.
constexpr double kGeluScale = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;  // sqrt(2 / pi)
constexpr double kGeluCubic = 0.044715;

/// exponential[i] = exp(-2u(z[i]))
template <typename Scalar>
void gelu_exponential(const Scalar* z, std::ptrdiff_t count, Scalar* exponential) {
  constexpr auto kScale = static_cast<Scalar>(-2 * kGeluScale), kCubic = static_cast<Scalar>(kGeluCubic);
  for (std::ptrdiff_t i = 0; i < count; ++i) exponential[i] = kScale * z[i] * (1 + kCubic * z[i] * z[i]);
  exp_in_place(exponential, count);
}

template <typename Scalar>
void layer_norm(Scalar* __restrict x, const Scalar* __restrict pending_bias, const Scalar* __restrict weight,
                const Scalar* __restrict bias, std::ptrdiff_t rows, std::ptrdiff_t width, Scalar* __restrict normalised,
                Scalar* __restrict output, Scalar* __restrict inverse_deviation) {
  const auto count = static_cast<Scalar>(width);
  for (std::ptrdiff_t r = 0; r < rows; ++r) {
    Scalar* __restrict row = x + r * width;
    Scalar* __restrict unit = normalised + r * width;
    Scalar* __restrict out = output + r * width;
    if (pending_bias != nullptr) {
      for (std::ptrdiff_t j = 0; j < width; ++j) row[j] += pending_bias[j];
    }
    Scalar sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::ptrdiff_t j = 0; j < width; ++j) sum += row[j];
    const Scalar mean = sum / count;
    Scalar squares = 0;
#pragma omp simd reduction(+ : squares)
    for (std::ptrdiff_t j = 0; j < width; ++j) squares += (row[j] - mean) * (row[j] - mean);
    const Scalar inverse = 1 / root(squares / count + static_cast<Scalar>(kLayerNormEpsilon));
    inverse_deviation[r] = inverse;
    for (std::ptrdiff_t j = 0; j < width; ++j) {
      unit[j] = (row[j] - mean) * inverse;
      out[j] = unit[j] * weight[j] + bias[j];
    }
  }
}

template <typename Scalar>
void layer_norm_backward(const Scalar* __restrict output_gradient, const Scalar* __restrict normalised,
                         const Scalar* __restrict inverse_deviation, const Scalar* __restrict weight,
                         std::ptrdiff_t rows, std::ptrdiff_t width, bool accumulate, Scalar* __restrict x_gradient) {
  const auto count = static_cast<Scalar>(width);
  for (std::ptrdiff_t r = 0; r < rows; ++r) {
    const Scalar* __restrict dy = output_gradient + r * width;
    const Scalar* __restrict unit = normalised + r * width;
    Scalar* __restrict dx = x_gradient + r * width;
    Scalar sum = 0, product = 0;
#pragma omp simd reduction(+ : sum, product)
    for (std::ptrdiff_t j = 0; j < width; ++j) {
      const Scalar g = dy[j] * weight[j];
      sum += g;
      product += g * unit[j];
    }
    const Scalar mean = sum / count, projection = product / count, inverse = inverse_deviation[r];
    if (accumulate) {
      for (std::ptrdiff_t j = 0; j < width; ++j) {
        dx[j] += inverse * (dy[j] * weight[j] - mean - unit[j] * projection);
      }
    } else {
      for (std::ptrdiff_t j = 0; j < width; ++j) dx[j] = inverse * (dy[j] * weight[j] - mean - unit[j] * projection);
    }
  }
}

template <typename Scalar>
void add_bias_and_activate(MlpActivation activation, Scalar* __restrict z, const Scalar* __restrict bias,
                           std::ptrdiff_t rows, std::ptrdiff_t columns, Scalar* __restrict output) {
  Scalar exponential[kChunk];
  for (std::ptrdiff_t r = 0; r < rows; ++r) {
    Scalar* __restrict row = z + r * columns;
    Scalar* __restrict out = output + r * columns;
    if (activation == MlpActivation::relu) {
      for (std::ptrdiff_t j = 0; j < columns; ++j) {
        row[j] += bias[j];
        out[j] = row[j] < 0 ? Scalar{0} : row[j];
      }
      continue;
    }
    for (std::ptrdiff_t j = 0; j < columns; ++j) row[j] += bias[j];
    for (std::ptrdiff_t begin = 0; begin < columns; begin += kChunk) {
      const std::ptrdiff_t count = least(kChunk, columns - begin);
      gelu_exponential(row + begin, count, exponential);
      for (std::ptrdiff_t j = 0; j < count; ++j) out[begin + j] = row[begin + j] / (1 + exponential[j]);
    }
  }
}

template <typename Scalar>
void activation_backward(MlpActivation activation, const Scalar* __restrict gradient, std::ptrdiff_t count,
                         Scalar* __restrict z) {
  if (activation == MlpActivation::relu) {
    for (std::ptrdiff_t i = 0; i < count; ++i) z[i] = z[i] > 0 ? gradient[i] : Scalar{0};
    return;
  }
  constexpr auto kScale = static_cast<Scalar>(2 * kGeluScale), kCubic = static_cast<Scalar>(3 * kGeluCubic);
  Scalar exponential[kChunk];
  for (std::ptrdiff_t begin = 0; begin < count; begin += kChunk) {
    const std::ptrdiff_t size = least(kChunk, count - begin);
    gelu_exponential(z + begin, size, exponential);
    for (std::ptrdiff_t j = 0; j < size; ++j) {
      const Scalar value = z[begin + j];
      const Scalar sigmoid = 1 / (1 + exponential[j]);
      // d(z s)/dz = s + z s (1 - s) d(2u)/dz
      const Scalar slope = sigmoid + value * sigmoid * (1 - sigmoid) * kScale * (1 + kCubic * value * value);
      z[begin + j] = gradient[begin + j] * slope;
    }
  }
}

template <typename Scalar>
void causal_softmax(Scalar* __restrict scores, std::ptrdiff_t rows, std::ptrdiff_t columns, std::ptrdiff_t stride,
                    std::ptrdiff_t first) {
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    Scalar* __restrict row = scores + i * stride;
    const std::ptrdiff_t seen = first + i + 1;
    Scalar largest = row[0];
#pragma omp simd reduction(max : largest)
    for (std::ptrdiff_t j = 1; j < seen; ++j) largest = row[j] > largest ? row[j] : largest;
    for (std::ptrdiff_t j = 0; j < seen; ++j) row[j] -= largest;
    exp_in_place(row, seen);
    Scalar sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::ptrdiff_t j = 0; j < seen; ++j) sum += row[j];
    const Scalar inverse = 1 / sum;
    for (std::ptrdiff_t j = 0; j < seen; ++j) row[j] *= inverse;
    fill_zero(row + seen, columns - seen);
  }
}

template <typename Scalar>
void softmax_backward(const Scalar* __restrict probabilities, std::ptrdiff_t rows, std::ptrdiff_t columns,
                      std::ptrdiff_t probability_stride, Scalar scale, Scalar* __restrict gradient,
                      std::ptrdiff_t gradient_stride) {
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    const Scalar* __restrict p = probabilities + i * probability_stride;
    Scalar* __restrict g = gradient + i * gradient_stride;
    Scalar sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::ptrdiff_t j = 0; j < columns; ++j) sum += p[j] * g[j];
    for (std::ptrdiff_t j = 0; j < columns; ++j) g[j] = scale * p[j] * (g[j] - sum);
  }
}

template <typename Scalar>
double token_cross_entropy(const Scalar* __restrict logits, std::int32_t target, std::ptrdiff_t vocabulary,
                           Scalar scale, Scalar* __restrict gradient) {
  Scalar largest = logits[0];
#pragma omp simd reduction(max : largest)
  for (std::ptrdiff_t j = 1; j < vocabulary; ++j) largest = logits[j] > largest ? logits[j] : largest;
  for (std::ptrdiff_t j = 0; j < vocabulary; ++j) gradient[j] = logits[j] - largest;
  exp_in_place(gradient, vocabulary);
  Scalar sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::ptrdiff_t j = 0; j < vocabulary; ++j) sum += gradient[j];
  const Scalar factor = scale / sum;
  for (std::ptrdiff_t j = 0; j < vocabulary; ++j) gradient[j] *= factor;
  gradient[target] -= scale;
  return logarithm(static_cast<double>(sum)) - static_cast<double>(logits[target] - largest);
}

}  // namespace isa
}  // namespace
}  // namespace stepbench
