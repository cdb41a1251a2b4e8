// The passes of a transformer between its matrix products, over dense rows. Letters: N rows (tokens), D width.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/settings.hpp"

namespace stepbench {

/// LayerNorm's epsilon, added to the variance.
inline constexpr double kLayerNormEpsilon = 1e-5;

/// Per row: x += pending_bias (where not null: the bias of the projection that was added to the residual stream), then
/// normalised = (x - mean) / sqrt(variance + epsilon), output = normalised * weight + bias; keeps 1/sqrt(..) in
/// `inverse_deviation` (N). x, normalised, output are (N, D).
template <typename Scalar>
void layer_norm(Scalar* x, const Scalar* pending_bias, const Scalar* weight, const Scalar* bias, std::ptrdiff_t rows,
                std::ptrdiff_t width, Scalar* normalised, Scalar* output, Scalar* inverse_deviation);

/// x_gradient (N, D) = or, with `accumulate`, += the gradient by LayerNorm's input, from the one by its output.
template <typename Scalar>
void layer_norm_backward(const Scalar* output_gradient, const Scalar* normalised, const Scalar* inverse_deviation,
                         const Scalar* weight, std::ptrdiff_t rows, std::ptrdiff_t width, bool accumulate,
                         Scalar* x_gradient);

/// z += bias; output = activation(z). (N, columns) each.
template <typename Scalar>
void add_bias_and_activate(MlpActivation activation, Scalar* z, const Scalar* bias, std::ptrdiff_t rows,
                           std::ptrdiff_t columns, Scalar* output);

/// z := gradient * activation'(z), in place of z.
template <typename Scalar>
void activation_backward(MlpActivation activation, const Scalar* gradient, std::ptrdiff_t count, Scalar* z);

/// Causal softmax of rows of scores (already scaled): row i of the panel, query position first + i, keeps the columns
/// 0 .. first + i; the others become 0. The panel is (rows, columns), dense with `stride`.
template <typename Scalar>
void causal_softmax(Scalar* scores, std::ptrdiff_t rows, std::ptrdiff_t columns, std::ptrdiff_t stride,
                    std::ptrdiff_t first);

/// gradient := scale * p * (gradient - sum_j p_j gradient_j), row by row: from the gradient by the probabilities p to
/// the one by the unscaled scores.
template <typename Scalar>
void softmax_backward(const Scalar* probabilities, std::ptrdiff_t rows, std::ptrdiff_t columns,
                      std::ptrdiff_t probability_stride, Scalar scale, Scalar* gradient,
                      std::ptrdiff_t gradient_stride);

/// Loss of one row of logits (V) like cross_entropy_row, with vectorised exponentials.
template <typename Scalar>
double token_cross_entropy(const Scalar* logits, std::int32_t target, std::ptrdiff_t vocabulary, Scalar scale,
                           Scalar* gradient);

}  // namespace stepbench
