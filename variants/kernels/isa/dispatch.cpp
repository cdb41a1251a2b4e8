// Which build of the kernels is called. A call costs a jump; what it calls works on a row at least.
#include <cmath>

#include "core/isa.hpp"
#include "variants/kernels/isa/functions.hpp"

namespace stepbench {
namespace {

const Kernels& chosen_kernels() {
  static const Kernels& chosen = STEPBENCH_CHOOSE_TABLE(Kernels);
  return chosen;
}

const Bfloat16Functions& bfloat16_kernels() {
#if defined(__x86_64__)
  static const Bfloat16Functions& chosen =
      chosen_isa() == Isa::avx512bf16 ? kAvx512bf16Bfloat16 : chosen_kernels().bfloat16;
  return chosen;
#else
  return chosen_kernels().bfloat16;
#endif
}

template <typename Scalar>
const KernelFunctions<Scalar>& kernels() {
  if constexpr (sizeof(Scalar) == sizeof(float)) {
    return chosen_kernels().float32;
  } else {
    return chosen_kernels().float64;
  }
}

}  // namespace

template <typename Scalar>
OptimizerStep<Scalar>::OptimizerStep(const TrainingSettings& training, double rate, std::int64_t step, double scale)
    : optimizer(training.optimizer),
      learning_rate(static_cast<Scalar>(rate)),
      gradient_scale(static_cast<Scalar>(scale)),
      momentum(static_cast<Scalar>(training.momentum)),
      beta1(static_cast<Scalar>(training.beta1)),
      beta2(static_cast<Scalar>(training.beta2)),
      epsilon(static_cast<Scalar>(training.epsilon)),
      step_size(static_cast<Scalar>(rate / (1 - std::pow(training.beta1, static_cast<double>(step))))),
      inverse_root_bias2(static_cast<Scalar>(1 / std::sqrt(1 - std::pow(training.beta2, static_cast<double>(step))))),
      coupled_decay(static_cast<Scalar>(training.optimizer == Optimizer::adamw ? 0 : training.weight_decay)),
      decoupled_decay(
          static_cast<Scalar>(training.optimizer == Optimizer::adamw ? 1 - rate * training.weight_decay : 1)),
      decoupled_rate(static_cast<Scalar>(training.optimizer == Optimizer::adamw ? rate * training.weight_decay : 0)),
      number(step) {}

template <typename Scalar>
void direct_product(Transpose transpose_a, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, Scalar alpha,
                    Operand<const Scalar> a, Operand<const Scalar> b, Scalar beta, Operand<Scalar> c) {
  kernels<Scalar>().direct_product(transpose_a, m, n, k, alpha, a, b, beta, c);
}

template <typename Scalar>
void transpose(std::ptrdiff_t rows, std::ptrdiff_t columns, Operand<const Scalar> from, Operand<Scalar> to) {
  kernels<Scalar>().transpose(rows, columns, from, to);
}

template <typename Scalar>
void fused_product(const FusedProduct<Scalar>& product, Range rows, Range columns) {
  kernels<Scalar>().fused_product(product, rows, columns);
}

template <typename Scalar>
void weight_gradient(const LinearGradient<Scalar>& product, Range inputs, Range outputs, Panels<Scalar> gradient,
                     Scalar* scratch) {
  kernels<Scalar>().weight_gradient(product, inputs, outputs, gradient, scratch);
}

template <typename Scalar>
void fused_update(const LinearGradient<Scalar>& product, const OptimizerStep<Scalar>& rule, Range inputs, Range outputs,
                  const WeightPanels<Scalar>& weight) {
  kernels<Scalar>().fused_update(product, rule, inputs, outputs, weight);
}

template <typename Scalar>
void update_weights(const Scalar* gradient, const OptimizerStep<Scalar>& rule, Range inputs, Range outputs,
                    const WeightPanels<Scalar>& weight) {
  kernels<Scalar>().update_weights(gradient, rule, inputs, outputs, weight);
}

template <typename Scalar>
void add_bias(Scalar* rows, const Scalar* bias, std::ptrdiff_t count, std::ptrdiff_t columns, bool relu) {
  kernels<Scalar>().add_bias(rows, bias, count, columns, relu);
}

template <typename Scalar>
void mask_by_relu(Scalar* gradient, const Scalar* activation, std::ptrdiff_t count) {
  kernels<Scalar>().mask_by_relu(gradient, activation, count);
}

template <typename Scalar>
void sum_rows(const Scalar* rows, std::ptrdiff_t count, std::ptrdiff_t columns, std::ptrdiff_t stride, Scalar* sums) {
  kernels<Scalar>().sum_rows(rows, count, columns, stride, sums);
}

template <typename Scalar>
void sum_row_products(const Scalar* a, const Scalar* b, std::ptrdiff_t count, std::ptrdiff_t columns,
                      std::ptrdiff_t stride, Scalar* sums) {
  kernels<Scalar>().sum_row_products(a, b, count, columns, stride, sums);
}

template <typename Scalar>
double sum_of_squares(const Scalar* values, std::ptrdiff_t count) {
  return kernels<Scalar>().sum_of_squares(values, count);
}

template <typename Scalar>
double squared_error_row(const Scalar* outputs, const Scalar* targets, std::ptrdiff_t columns, Scalar scale,
                         Scalar* gradient) {
  return kernels<Scalar>().squared_error_row(outputs, targets, columns, scale, gradient);
}

template <typename Scalar>
double cross_entropy_row(const Scalar* logits, std::int32_t label, std::ptrdiff_t columns, Scalar scale,
                         Scalar* gradient) {
  return kernels<Scalar>().cross_entropy_row(logits, label, columns, scale, gradient);
}

template <typename Scalar>
double cross_entropy_row_in_double(const Scalar* logits, std::int32_t label, std::ptrdiff_t columns, Scalar scale,
                                   Scalar* gradient) {
  return kernels<Scalar>().cross_entropy_row_in_double(logits, label, columns, scale, gradient);
}

template <typename Scalar>
double cross_entropy_row_in_bfloat16(const Scalar* logits, std::int32_t label, std::ptrdiff_t columns, Scalar scale,
                                     Scalar* gradient) {
  return kernels<Scalar>().cross_entropy_row_in_bfloat16(logits, label, columns, scale, gradient);
}

template <typename Scalar>
double stablemax_cross_entropy_row(const Scalar* logits, std::int32_t label, std::ptrdiff_t columns, Scalar scale,
                                   Scalar* gradient) {
  return kernels<Scalar>().stablemax_cross_entropy_row(logits, label, columns, scale, gradient);
}

template <typename Scalar>
void update_slice(const OptimizerStep<Scalar>& rule, ParameterRole role, std::ptrdiff_t count, const Scalar* gradients,
                  Scalar* parameters, Scalar* first, Scalar* second) {
  kernels<Scalar>().update_slice(rule, role, count, gradients, parameters, first, second);
}

template <typename Scalar>
void layer_norm(Scalar* x, const Scalar* pending_bias, const Scalar* weight, const Scalar* bias, std::ptrdiff_t rows,
                std::ptrdiff_t width, Scalar* normalised, Scalar* output, Scalar* inverse_deviation) {
  kernels<Scalar>().layer_norm(x, pending_bias, weight, bias, rows, width, normalised, output, inverse_deviation);
}

template <typename Scalar>
void layer_norm_backward(const Scalar* output_gradient, const Scalar* normalised, const Scalar* inverse_deviation,
                         const Scalar* weight, std::ptrdiff_t rows, std::ptrdiff_t width, bool accumulate,
                         Scalar* x_gradient) {
  kernels<Scalar>().layer_norm_backward(output_gradient, normalised, inverse_deviation, weight, rows, width, accumulate,
                                        x_gradient);
}

template <typename Scalar>
void add_bias_and_activate(MlpActivation activation, Scalar* z, const Scalar* bias, std::ptrdiff_t rows,
                           std::ptrdiff_t columns, Scalar* output) {
  kernels<Scalar>().add_bias_and_activate(activation, z, bias, rows, columns, output);
}

template <typename Scalar>
void activation_backward(MlpActivation activation, const Scalar* gradient, std::ptrdiff_t count, Scalar* z) {
  kernels<Scalar>().activation_backward(activation, gradient, count, z);
}

template <typename Scalar>
void causal_softmax(Scalar* scores, std::ptrdiff_t rows, std::ptrdiff_t columns, std::ptrdiff_t stride,
                    std::ptrdiff_t first) {
  kernels<Scalar>().causal_softmax(scores, rows, columns, stride, first);
}

template <typename Scalar>
void softmax_backward(const Scalar* probabilities, std::ptrdiff_t rows, std::ptrdiff_t columns,
                      std::ptrdiff_t probability_stride, Scalar scale, Scalar* gradient,
                      std::ptrdiff_t gradient_stride) {
  kernels<Scalar>().softmax_backward(probabilities, rows, columns, probability_stride, scale, gradient,
                                     gradient_stride);
}

template <typename Scalar>
double token_cross_entropy(const Scalar* logits, std::int32_t target, std::ptrdiff_t vocabulary, Scalar scale,
                           Scalar* gradient) {
  return kernels<Scalar>().token_cross_entropy(logits, target, vocabulary, scale, gradient);
}

void exp_in_place(float* values, std::ptrdiff_t count) { kernels<float>().exp_in_place(values, count); }
void exp_in_place(double* values, std::ptrdiff_t count) { kernels<double>().exp_in_place(values, count); }

void bfloat16_product(const Bfloat16Product& product, Range rows, Range columns) {
  bfloat16_kernels().product(product, rows, columns);
}
void bfloat16_gradient(const LinearGradient<Bfloat16>& product, Range inputs, Range outputs, Panels<float> gradient) {
  bfloat16_kernels().gradient(product, inputs, outputs, gradient);
}
void update_bfloat16(const float* gradient, const OptimizerStep<float>& rule, const WeightRounding& rounding,
                     Range inputs, Range outputs, const Bfloat16Weight& weight) {
  bfloat16_kernels().update(gradient, rule, rounding, inputs, outputs, weight);
}
void update_bfloat16_rows(const float* gradient, const OptimizerStep<float>& rule, ParameterRole role,
                          const WeightRounding& rounding, CanonicalPlaces places, std::ptrdiff_t rows,
                          const Bfloat16Parameters& parameters) {
  bfloat16_kernels().update_rows(gradient, rule, role, rounding, places, rows, parameters);
}
void train_bfloat16(const LinearGradient<Bfloat16>& product, const OptimizerStep<float>& rule,
                    const WeightRounding& rounding, Range inputs, Range outputs, const Bfloat16Weight& weight) {
  bfloat16_kernels().train(product, rule, rounding, inputs, outputs, weight);
}
void round_to_bfloat16(const float* from, std::ptrdiff_t count, Bfloat16* to) {
  bfloat16_kernels().round(from, count, to);
}
void widen(const Bfloat16* from, std::ptrdiff_t count, float* to) { bfloat16_kernels().widen(from, count, to); }
void sum_bfloat16_rows(const Bfloat16* rows, std::ptrdiff_t count, std::ptrdiff_t columns, std::ptrdiff_t stride,
                       float* sums) {
  bfloat16_kernels().sum_rows(rows, count, columns, stride, sums);
}

#define STEPBENCH_INSTANTIATE(S)                                                                                      \
  template void direct_product<S>(Transpose, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, S, Operand<const S>,     \
                                  Operand<const S>, S, Operand<S>);                                                   \
  template void transpose<S>(std::ptrdiff_t, std::ptrdiff_t, Operand<const S>, Operand<S>);                           \
  template void fused_product<S>(const FusedProduct<S>&, Range, Range);                                               \
  template void weight_gradient<S>(const LinearGradient<S>&, Range, Range, Panels<S>, S*);                            \
  template void fused_update<S>(const LinearGradient<S>&, const OptimizerStep<S>&, Range, Range,                      \
                                const WeightPanels<S>&);                                                              \
  template void update_weights<S>(const S*, const OptimizerStep<S>&, Range, Range, const WeightPanels<S>&);           \
  template void add_bias<S>(S*, const S*, std::ptrdiff_t, std::ptrdiff_t, bool);                                      \
  template void mask_by_relu<S>(S*, const S*, std::ptrdiff_t);                                                        \
  template void sum_rows<S>(const S*, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, S*);                            \
  template void sum_row_products<S>(const S*, const S*, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, S*);          \
  template double sum_of_squares<S>(const S*, std::ptrdiff_t);                                                        \
  template double squared_error_row<S>(const S*, const S*, std::ptrdiff_t, S, S*);                                    \
  template double cross_entropy_row<S>(const S*, std::int32_t, std::ptrdiff_t, S, S*);                                \
  template double cross_entropy_row_in_double<S>(const S*, std::int32_t, std::ptrdiff_t, S, S*);                      \
  template double cross_entropy_row_in_bfloat16<S>(const S*, std::int32_t, std::ptrdiff_t, S, S*);                    \
  template double stablemax_cross_entropy_row<S>(const S*, std::int32_t, std::ptrdiff_t, S, S*);                      \
  template struct OptimizerStep<S>;                                                                                   \
  template void update_slice<S>(const OptimizerStep<S>&, ParameterRole, std::ptrdiff_t, const S*, S*, S*, S*);        \
  template void layer_norm<S>(S*, const S*, const S*, const S*, std::ptrdiff_t, std::ptrdiff_t, S*, S*, S*);          \
  template void layer_norm_backward<S>(const S*, const S*, const S*, const S*, std::ptrdiff_t, std::ptrdiff_t, bool,  \
                                       S*);                                                                           \
  template void add_bias_and_activate<S>(MlpActivation, S*, const S*, std::ptrdiff_t, std::ptrdiff_t, S*);            \
  template void activation_backward<S>(MlpActivation, const S*, std::ptrdiff_t, S*);                                  \
  template void causal_softmax<S>(S*, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t);                \
  template void softmax_backward<S>(const S*, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, S, S*, std::ptrdiff_t); \
  template double token_cross_entropy<S>(const S*, std::int32_t, std::ptrdiff_t, S, S*)
STEPBENCH_INSTANTIATE(float);
STEPBENCH_INSTANTIATE(double);
#undef STEPBENCH_INSTANTIATE

}  // namespace stepbench
