// The element-wise passes between the matrix products, written as plain loops over dense rows that the compiler
// vectorises. Letters: B batch rows, K columns. Rows are contiguous; all sizes are at least 0.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/models/parameters.hpp"
#include "core/settings.hpp"

namespace stepbench {

/// row[j] += bias[j]; then with `relu`, negative values become 0 (NaN stays, so that divergence shows).
template <typename Scalar>
void add_bias(Scalar* rows, const Scalar* bias, std::ptrdiff_t count, std::ptrdiff_t columns, bool relu);

/// gradient[i] = 0 where activation[i] is not above 0: ReLU's derivative, which is 0 at 0.
template <typename Scalar>
void mask_by_relu(Scalar* gradient, const Scalar* activation, std::ptrdiff_t count);

/// sums[j] = sum of rows[.][j], added up from the first row to the last.
template <typename Scalar>
void sum_rows(const Scalar* rows, std::ptrdiff_t count, std::ptrdiff_t columns, std::ptrdiff_t stride, Scalar* sums);

/// sums[j] = sum of a[.][j] * b[.][j], in the same order; a and b have the same stride.
template <typename Scalar>
void sum_row_products(const Scalar* a, const Scalar* b, std::ptrdiff_t count, std::ptrdiff_t columns,
                      std::ptrdiff_t stride, Scalar* sums);

/// The sum of squares, in double.
template <typename Scalar>
[[nodiscard]] double sum_of_squares(const Scalar* values, std::ptrdiff_t count);

/// Loss of one sample with outputs a (K): returns sum_j (a_j - y_j)^2, and writes gradient_j = scale * (a_j - y_j).
template <typename Scalar>
double squared_error_row(const Scalar* outputs, const Scalar* targets, std::ptrdiff_t columns, Scalar scale,
                         Scalar* gradient);

/// Loss of one sample with logits a (K): returns -log softmax(a)[label], and writes
/// gradient_j = scale * (softmax(a)_j - [j == label]).
template <typename Scalar>
double cross_entropy_row(const Scalar* logits, std::int32_t label, std::ptrdiff_t columns, Scalar scale,
                         Scalar* gradient);

/// The same, computed in double but for the rounding of the gradient.
template <typename Scalar>
double cross_entropy_row_in_double(const Scalar* logits, std::int32_t label, std::ptrdiff_t columns, Scalar scale,
                                   Scalar* gradient);

/// The same, each intermediate rounded to bfloat16 (ModelSettings::softmax in core/settings.hpp).
template <typename Scalar>
double cross_entropy_row_in_bfloat16(const Scalar* logits, std::int32_t label, std::ptrdiff_t columns, Scalar scale,
                                     Scalar* gradient);

/// The same with stablemax (enum Loss in core/settings.hpp) in place of softmax.
template <typename Scalar>
double stablemax_cross_entropy_row(const Scalar* logits, std::int32_t label, std::ptrdiff_t columns, Scalar scale,
                                   Scalar* gradient);

/// What an update of a slice of parameters needs, worked out once per step. Formulas: PyTorch's documentation of
/// torch.optim.SGD, Adam and AdamW.
template <typename Scalar>
struct OptimizerStep {
  OptimizerStep(const TrainingSettings& training, double learning_rate, std::int64_t number, double gradient_scale);

  Optimizer optimizer;
  Scalar learning_rate;
  Scalar gradient_scale;  // the clipping factor
  Scalar momentum;
  Scalar beta1, beta2, epsilon;
  Scalar step_size;           // learning_rate / (1 - beta1^t)
  Scalar inverse_root_bias2;  // 1 / sqrt(1 - beta2^t)
  Scalar coupled_decay;       // added to the gradient: sgd, momentum, adam; on every parameter
  Scalar decoupled_decay;     // 1 - learning_rate * weight_decay: adamw; on matrices only
  Scalar decoupled_rate;      // learning_rate * weight_decay of that
  std::int64_t number;        // of the step
};

/// Updates `count` parameters. `first` and `second` are the optimiser's moments (first: momentum, adam, adamw; second:
/// adam, adamw), or null where it has none.
template <typename Scalar>
void update_slice(const OptimizerStep<Scalar>& rule, ParameterRole role, std::ptrdiff_t count, const Scalar* gradients,
                  Scalar* parameters, Scalar* first, Scalar* second);

}  // namespace stepbench
