// Element-wise passes, losses, updates.
#pragma once

#include "core/bfloat16.hpp"
#include "variants/kernels/isa/helpers.hpp"
#include "variants/kernels/kernels.hpp"

namespace stepbench {
namespace {
namespace isa {

template <typename Scalar>
void add_bias(Scalar* __restrict rows, const Scalar* __restrict bias, std::ptrdiff_t count, std::ptrdiff_t columns,
              bool relu) {
  for (std::ptrdiff_t b = 0; b < count; ++b) {
    Scalar* __restrict row = rows + b * columns;
    if (relu) {
      for (std::ptrdiff_t j = 0; j < columns; ++j) {
        const Scalar z = row[j] + bias[j];
        row[j] = z < 0 ? Scalar{0} : z;
      }
    } else {
      for (std::ptrdiff_t j = 0; j < columns; ++j) row[j] += bias[j];
    }
  }
}

template <typename Scalar>
void mask_by_relu(Scalar* __restrict gradient, const Scalar* __restrict activation, std::ptrdiff_t count) {
  for (std::ptrdiff_t i = 0; i < count; ++i) gradient[i] = activation[i] > 0 ? gradient[i] : Scalar{0};
}

template <typename Scalar>
void sum_rows(const Scalar* __restrict rows, std::ptrdiff_t count, std::ptrdiff_t columns, std::ptrdiff_t stride,
              Scalar* __restrict sums) {
  fill_zero(sums, columns);
  for (std::ptrdiff_t b = 0; b < count; ++b) {
    const Scalar* __restrict row = rows + b * stride;
    for (std::ptrdiff_t j = 0; j < columns; ++j) sums[j] += row[j];
  }
}

template <typename Scalar>
void sum_row_products(const Scalar* __restrict a, const Scalar* __restrict b, std::ptrdiff_t count,
                      std::ptrdiff_t columns, std::ptrdiff_t stride, Scalar* __restrict sums) {
  fill_zero(sums, columns);
  for (std::ptrdiff_t r = 0; r < count; ++r) {
    const Scalar* __restrict row_a = a + r * stride;
    const Scalar* __restrict row_b = b + r * stride;
    for (std::ptrdiff_t j = 0; j < columns; ++j) sums[j] += row_a[j] * row_b[j];
  }
}

template <typename Scalar>
double sum_of_squares(const Scalar* values, std::ptrdiff_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::ptrdiff_t i = 0; i < count; ++i) sum += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return sum;
}

template <typename Scalar>
double squared_error_row(const Scalar* __restrict outputs, const Scalar* __restrict targets, std::ptrdiff_t columns,
                         Scalar scale, Scalar* __restrict gradient) {
  for (std::ptrdiff_t j = 0; j < columns; ++j) gradient[j] = outputs[j] - targets[j];
  const double loss = sum_of_squares(gradient, columns);
  for (std::ptrdiff_t j = 0; j < columns; ++j) gradient[j] *= scale;
  return loss;
}

template <typename Scalar>
double cross_entropy_row(const Scalar* __restrict logits, std::int32_t label, std::ptrdiff_t columns, Scalar scale,
                         Scalar* __restrict gradient) {
  Scalar largest = logits[0];
  for (std::ptrdiff_t j = 1; j < columns; ++j) largest = largest < logits[j] ? logits[j] : largest;
  Scalar sum = 0;
  for (std::ptrdiff_t j = 0; j < columns; ++j) {
    gradient[j] = exponential(logits[j] - largest);
    sum += gradient[j];
  }
  const Scalar factor = scale / sum;
  for (std::ptrdiff_t j = 0; j < columns; ++j) gradient[j] *= factor;
  gradient[label] -= scale;
  return logarithm(static_cast<double>(sum)) - static_cast<double>(logits[label] - largest);
}

template <typename Scalar>
double cross_entropy_row_in_double(const Scalar* __restrict logits, std::int32_t label, std::ptrdiff_t columns,
                                   Scalar scale, Scalar* __restrict gradient) {
  auto largest = static_cast<double>(logits[0]);
  for (std::ptrdiff_t j = 1; j < columns; ++j) {
    largest = largest < static_cast<double>(logits[j]) ? static_cast<double>(logits[j]) : largest;
  }
  double sum = 0;
  for (std::ptrdiff_t j = 0; j < columns; ++j) sum += exponential(static_cast<double>(logits[j]) - largest);
  for (std::ptrdiff_t j = 0; j < columns; ++j) {
    const double probability = exponential(static_cast<double>(logits[j]) - largest) / sum;
    gradient[j] = static_cast<Scalar>((probability - (j == label ? 1 : 0)) * static_cast<double>(scale));
  }
  return logarithm(sum) - (static_cast<double>(logits[label]) - largest);
}

template <typename Scalar>
double cross_entropy_row_in_bfloat16(const Scalar* __restrict logits, std::int32_t label, std::ptrdiff_t columns,
                                     Scalar scale, Scalar* __restrict gradient) {
  Scalar largest = logits[0];
  for (std::ptrdiff_t j = 1; j < columns; ++j) largest = largest < logits[j] ? logits[j] : largest;
  largest = rounded_to_bfloat16(largest);
  const auto shifted = [&](std::ptrdiff_t j) { return rounded_to_bfloat16(rounded_to_bfloat16(logits[j]) - largest); };
  Scalar sum = 0;
  for (std::ptrdiff_t j = 0; j < columns; ++j) {
    gradient[j] = rounded_to_bfloat16(exponential(shifted(j)));
    sum += gradient[j];
  }
  sum = rounded_to_bfloat16(sum);
  for (std::ptrdiff_t j = 0; j < columns; ++j) {
    gradient[j] =
        rounded_to_bfloat16(rounded_to_bfloat16(gradient[j] / sum) - static_cast<Scalar>(j == label ? 1 : 0)) * scale;
  }
  const auto log_sum = rounded_to_bfloat16(static_cast<Scalar>(logarithm(static_cast<double>(sum))));
  return static_cast<double>(rounded_to_bfloat16(log_sum - shifted(label)));
}

template <typename Scalar>
double stablemax_cross_entropy_row(const Scalar* __restrict logits, std::int32_t label, std::ptrdiff_t columns,
                                   Scalar scale, Scalar* __restrict gradient) {
  // s(x) and, in `gradient`, s'(x): 1 from 0 on, s(x)^2 below.
  const auto s = [](Scalar x) { return x < 0 ? 1 / (1 - x) : x + 1; };
  Scalar sum = 0;
  for (std::ptrdiff_t j = 0; j < columns; ++j) {
    const Scalar value = s(logits[j]);
    sum += value;
    gradient[j] = logits[j] < 0 ? value * value : Scalar{1};
  }
  const Scalar of_label = s(logits[label]), slope = gradient[label], factor = scale / sum;
  for (std::ptrdiff_t j = 0; j < columns; ++j) gradient[j] *= factor;
  gradient[label] -= scale * slope / of_label;
  return logarithm(static_cast<double>(sum)) - logarithm(static_cast<double>(of_label));
}

template <typename Scalar>
void update_slice(const OptimizerStep<Scalar>& rule, ParameterRole role, std::ptrdiff_t count,
                  const Scalar* __restrict gradients, Scalar* __restrict parameters, Scalar* __restrict first,
                  Scalar* __restrict second) {
  // Copies, so that the compiler need not fear that a store to the parameters changes the rule.
  const OptimizerStep<Scalar> r = rule;
  switch (r.optimizer) {
    case Optimizer::sgd:
      for (std::ptrdiff_t i = 0; i < count; ++i) {
        const Scalar g = r.gradient_scale * gradients[i] + r.coupled_decay * parameters[i];
        parameters[i] -= r.learning_rate * g;
      }
      return;
    case Optimizer::momentum:
      for (std::ptrdiff_t i = 0; i < count; ++i) {
        const Scalar g = r.gradient_scale * gradients[i] + r.coupled_decay * parameters[i];
        first[i] = r.momentum * first[i] + g;
        parameters[i] -= r.learning_rate * first[i];
      }
      return;
    case Optimizer::adam:
    case Optimizer::adamw: {
      const Scalar decay = role == ParameterRole::matrix ? r.decoupled_decay : Scalar{1};
      for (std::ptrdiff_t i = 0; i < count; ++i) {
        const Scalar g = r.gradient_scale * gradients[i] + r.coupled_decay * parameters[i];
        first[i] = r.beta1 * first[i] + (1 - r.beta1) * g;
        second[i] = r.beta2 * second[i] + (1 - r.beta2) * g * g;
        parameters[i] =
            decay * parameters[i] - r.step_size * first[i] / (root(second[i]) * r.inverse_root_bias2 + r.epsilon);
      }
      return;
    }
  }
}

}  // namespace isa
}  // namespace
}  // namespace stepbench
