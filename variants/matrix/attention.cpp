#include "variants/matrix/attention.hpp"

#include <algorithm>
#include <cmath>

#include "variants/matrix/transformer_kernels.hpp"

namespace stepbench {
namespace {

/// Queries per panel: small enough to skip most of the keys that the mask hides, large enough for a matrix product.
/// Direct products have less to do before they begin: 5 to 8% faster with 32 than with 64 at T 256.
constexpr std::ptrdiff_t kLargestPanel = 64;
std::ptrdiff_t panel_rows(Products products) { return products == Products::direct ? 32 : kLargestPanel; }

template <typename Scalar>
Scalar score_scale(const AttentionShape& shape) {
  return static_cast<Scalar>(1 / std::sqrt(static_cast<double>(shape.head_width())));
}

/// Keys or values of a head, (T, S), as the second operand of products that want them transposed.
template <typename Scalar>
class TransposedHead {
 public:
  /// Direct products take the copy (S, T) that is made in `scratch`.
  TransposedHead(Products products, const AttentionShape& shape, const Scalar* head, Scalar* scratch)
      : products_(products), head_width_(shape.head_width()), operand_{head, 3 * shape.width} {
    if (products != Products::direct) return;
    transpose<Scalar>(shape.context, head_width_, operand_, {scratch, shape.context});
    operand_ = {scratch, shape.context};
  }
  /// c (rows, seen) = alpha * a (rows, S) times the first `seen` rows of the head, transposed.
  void product(std::ptrdiff_t rows, std::ptrdiff_t seen, Scalar alpha, Operand<const Scalar> a,
               Operand<Scalar> c) const {
    if (products_ == Products::direct) {
      direct_product(Transpose::no, rows, seen, head_width_, alpha, a, operand_, Scalar{0}, c);
    } else {
      gemm(Transpose::no, Transpose::yes, rows, seen, head_width_, alpha, a, operand_, Scalar{0}, c);
    }
  }

 private:
  Products products_;
  std::ptrdiff_t head_width_;
  Operand<const Scalar> operand_;
};

}  // namespace

std::ptrdiff_t AttentionShape::scratch() const { return (std::min(kLargestPanel, context) + head_width()) * context; }

template <typename Scalar>
void attention_forward(Products products, const AttentionShape& shape, const Scalar* qkv, Scalar* probabilities,
                       Scalar* output, Scalar* scratch) {
  const std::ptrdiff_t context = shape.context, width = shape.width, head_width = shape.head_width();
  const std::ptrdiff_t stride = 3 * width, panel_size = panel_rows(products);
  for (std::ptrdiff_t h = 0; h < shape.heads; ++h) {
    const Scalar* q = qkv + h * head_width;
    const Scalar* k = q + width;
    const Scalar* v = k + width;
    const TransposedHead<Scalar> keys(products, shape, k, scratch);
    Scalar* p = probabilities + h * context * context;
    for (std::ptrdiff_t begin = 0; begin < context; begin += panel_size) {
      const std::ptrdiff_t rows = std::min(panel_size, context - begin), seen = begin + rows;
      Scalar* panel = p + begin * context;
      keys.product(rows, seen, score_scale<Scalar>(shape), {q + begin * stride, stride}, {panel, context});
      causal_softmax(panel, rows, seen, context, begin);
      product<Scalar>(products, Transpose::no, rows, head_width, seen, Scalar{1}, {panel, context}, {v, stride},
                      Scalar{0}, {output + begin * width + h * head_width, width});
    }
  }
}

template <typename Scalar>
void attention_backward(Products products, const AttentionShape& shape, const Scalar* qkv, const Scalar* probabilities,
                        const Scalar* output_gradient, Scalar* qkv_gradient, Scalar* scratch) {
  const std::ptrdiff_t context = shape.context, width = shape.width, head_width = shape.head_width();
  const std::ptrdiff_t stride = 3 * width;
  const std::ptrdiff_t panel_size = panel_rows(products), last = (context - 1) / panel_size * panel_size;
  for (std::ptrdiff_t h = 0; h < shape.heads; ++h) {
    const std::ptrdiff_t q = h * head_width, k = q + width, v = k + width;
    const TransposedHead<Scalar> values(products, shape, qkv + v, scratch + std::min(panel_size, context) * context);
    // The last panel sees all keys, so it sets dK and dV and the others add to them.
    for (std::ptrdiff_t begin = last; begin >= 0; begin -= panel_size) {
      const std::ptrdiff_t rows = std::min(panel_size, context - begin), seen = begin + rows;
      const Scalar beta = begin == last ? Scalar{0} : Scalar{1};
      const Scalar* panel = probabilities + (h * context + begin) * context;
      const Scalar* gradient = output_gradient + begin * width + q;
      values.product(rows, seen, Scalar{1}, {gradient, width}, {scratch, context});  // dP = dO V^T
      product<Scalar>(products, Transpose::yes, seen, head_width, rows, Scalar{1}, {panel, context}, {gradient, width},
                      beta, {qkv_gradient + v, stride});  // dV += P^T dO
      softmax_backward(panel, rows, seen, context, score_scale<Scalar>(shape), scratch, context);
      product<Scalar>(products, Transpose::no, rows, head_width, seen, Scalar{1}, {scratch, context}, {qkv + k, stride},
                      Scalar{0}, {qkv_gradient + begin * stride + q, stride});  // dQ = dS K
      product<Scalar>(products, Transpose::yes, seen, head_width, rows, Scalar{1}, {scratch, context},
                      {qkv + begin * stride + q, stride}, beta, {qkv_gradient + k, stride});  // dK += dS^T Q
    }
  }
}

#define STEPBENCH_INSTANTIATE(S)                                                             \
  template void attention_forward<S>(Products, const AttentionShape&, const S*, S*, S*, S*); \
  template void attention_backward<S>(Products, const AttentionShape&, const S*, const S*, const S*, S*, S*)
STEPBENCH_INSTANTIATE(float);
STEPBENCH_INSTANTIATE(double);
#undef STEPBENCH_INSTANTIATE

}  // namespace stepbench
