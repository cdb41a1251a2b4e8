#include "variants/kernels/attention.hpp"

#include <algorithm>
#include <cmath>

#include "variants/kernels/transformer_kernels.hpp"

namespace stepbench {
namespace {

template <typename Scalar>
Scalar score_scale(const AttentionShape& shape) {
  return static_cast<Scalar>(1 / std::sqrt(static_cast<double>(shape.head_width())));
}

/// Queries per panel.
template <typename Scalar>
std::ptrdiff_t panel_rows(const Products<Scalar>& products, const AttentionShape& shape) {
  return std::min(products.attention_panel(), shape.context);
}

/// Keys or values of a head, (T, S), to be multiplied by transposed; the products' copy is made in `scratch`.
template <typename Scalar>
TransposedFactor<Scalar> transposed_head(const Products<Scalar>& products, const AttentionShape& shape,
                                         const Scalar* head, Scalar* scratch) {
  const Operand<const Scalar> operand{head, 3 * shape.width};
  if (products.copy_size(shape.context, shape.head_width()) > 0) {
    products.update_copy({0, shape.context}, {0, shape.head_width()}, operand, shape.context, shape.head_width(),
                         scratch);
  }
  return {operand, shape.context, shape.head_width(), scratch};
}

}  // namespace

template <typename Scalar>
std::ptrdiff_t attention_scratch(const Products<Scalar>& products, const AttentionShape& shape) {
  return panel_rows(products, shape) * shape.context + products.copy_size(shape.context, shape.head_width());
}

template <typename Scalar>
void attention_forward(const Products<Scalar>& products, const AttentionShape& shape, Range heads, const Scalar* qkv,
                       Scalar* probabilities, Scalar* output, Scalar* scratch) {
  const std::ptrdiff_t context = shape.context, width = shape.width, head_width = shape.head_width();
  const std::ptrdiff_t stride = 3 * width, panel_size = panel_rows(products, shape);
  for (std::ptrdiff_t h = heads.begin; h < heads.end; ++h) {
    const Scalar* q = qkv + h * head_width;
    const Scalar* k = q + width;
    const Scalar* v = k + width;
    const TransposedFactor<Scalar> keys = transposed_head(products, shape, k, scratch);
    Scalar* p = probabilities + h * context * context;
    for (std::ptrdiff_t begin = 0; begin < context; begin += panel_size) {
      const std::ptrdiff_t rows = std::min(panel_size, context - begin), seen = begin + rows;
      Scalar* panel = p + begin * context;
      products.multiply_transposed(rows, {0, seen}, score_scale<Scalar>(shape), {q + begin * stride, stride}, keys,
                                   Scalar{0}, {panel, context});
      causal_softmax(panel, rows, seen, context, begin);
      products.multiply(Transpose::no, rows, head_width, seen, Scalar{1}, {panel, context}, {v, stride}, Scalar{0},
                        {output + begin * width + h * head_width, width});
    }
  }
}

template <typename Scalar>
void attention_backward(const Products<Scalar>& products, const AttentionShape& shape, Range heads, const Scalar* qkv,
                        const Scalar* probabilities, const Scalar* output_gradient, Scalar* qkv_gradient,
                        Scalar* scratch) {
  const std::ptrdiff_t context = shape.context, width = shape.width, head_width = shape.head_width();
  const std::ptrdiff_t stride = 3 * width;
  const std::ptrdiff_t panel_size = panel_rows(products, shape), last = (context - 1) / panel_size * panel_size;
  for (std::ptrdiff_t h = heads.begin; h < heads.end; ++h) {
    const std::ptrdiff_t q = h * head_width, k = q + width, v = k + width;
    const TransposedFactor<Scalar> values = transposed_head(products, shape, qkv + v, scratch + panel_size * context);
    // The last panel sees all keys, so it sets dK and dV and the others add to them.
    for (std::ptrdiff_t begin = last; begin >= 0; begin -= panel_size) {
      const std::ptrdiff_t rows = std::min(panel_size, context - begin), seen = begin + rows;
      const Scalar beta = begin == last ? Scalar{0} : Scalar{1};
      const Scalar* panel = probabilities + (h * context + begin) * context;
      const Scalar* gradient = output_gradient + begin * width + q;
      // dP = dO V^T
      products.multiply_transposed(rows, {0, seen}, Scalar{1}, {gradient, width}, values, Scalar{0},
                                   {scratch, context});
      products.multiply(Transpose::yes, seen, head_width, rows, Scalar{1}, {panel, context}, {gradient, width}, beta,
                        {qkv_gradient + v, stride});  // dV += P^T dO
      softmax_backward(panel, rows, seen, context, score_scale<Scalar>(shape), scratch, context);
      products.multiply(Transpose::no, rows, head_width, seen, Scalar{1}, {scratch, context}, {qkv + k, stride},
                        Scalar{0}, {qkv_gradient + begin * stride + q, stride});  // dQ = dS K
      products.multiply(Transpose::yes, seen, head_width, rows, Scalar{1}, {scratch, context},
                        {qkv + begin * stride + q, stride}, beta, {qkv_gradient + k, stride});  // dK += dS^T Q
    }
  }
}

#define STEPBENCH_INSTANTIATE(S)                                                                                      \
  template std::ptrdiff_t attention_scratch<S>(const Products<S>&, const AttentionShape&);                            \
  template void attention_forward<S>(const Products<S>&, const AttentionShape&, Range, const S*, S*, S*, S*);         \
  template void attention_backward<S>(const Products<S>&, const AttentionShape&, Range, const S*, const S*, const S*, \
                                      S*, S*)
STEPBENCH_INSTANTIATE(float);
STEPBENCH_INSTANTIATE(double);
#undef STEPBENCH_INSTANTIATE

}  // namespace stepbench
