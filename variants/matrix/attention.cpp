#include "variants/matrix/attention.hpp"

#include <algorithm>
#include <cmath>

#include "variants/matrix/gemm.hpp"
#include "variants/matrix/transformer_kernels.hpp"

namespace stepbench {
namespace {

// Queries per panel: small enough to skip most of the keys that the mask hides, large enough for a matrix product.
constexpr std::ptrdiff_t kPanel = 64;

template <typename Scalar>
Scalar score_scale(const AttentionShape& shape) {
  return static_cast<Scalar>(1 / std::sqrt(static_cast<double>(shape.head_width())));
}

}  // namespace

std::ptrdiff_t AttentionShape::scratch() const { return std::min(kPanel, context) * context; }

template <typename Scalar>
void attention_forward(const AttentionShape& shape, const Scalar* qkv, Scalar* probabilities, Scalar* output) {
  const std::ptrdiff_t context = shape.context, width = shape.width, head_width = shape.head_width();
  const std::ptrdiff_t stride = 3 * width;
  for (std::ptrdiff_t h = 0; h < shape.heads; ++h) {
    const Scalar* q = qkv + h * head_width;
    const Scalar* k = q + width;
    const Scalar* v = k + width;
    Scalar* p = probabilities + h * context * context;
    for (std::ptrdiff_t begin = 0; begin < context; begin += kPanel) {
      const std::ptrdiff_t rows = std::min(kPanel, context - begin), seen = begin + rows;
      Scalar* panel = p + begin * context;
      gemm(Transpose::no, Transpose::yes, rows, seen, head_width, score_scale<Scalar>(shape),
           {q + begin * stride, stride}, {k, stride}, Scalar{0}, {panel, context});
      causal_softmax(panel, rows, seen, context, begin);
      gemm(Transpose::no, Transpose::no, rows, head_width, seen, Scalar{1}, {panel, context}, {v, stride}, Scalar{0},
           {output + begin * width + h * head_width, width});
    }
  }
}

template <typename Scalar>
void attention_backward(const AttentionShape& shape, const Scalar* qkv, const Scalar* probabilities,
                        const Scalar* output_gradient, Scalar* qkv_gradient, Scalar* scratch) {
  const std::ptrdiff_t context = shape.context, width = shape.width, head_width = shape.head_width();
  const std::ptrdiff_t stride = 3 * width;
  const std::ptrdiff_t last = (context - 1) / kPanel * kPanel;
  for (std::ptrdiff_t h = 0; h < shape.heads; ++h) {
    const std::ptrdiff_t q = h * head_width, k = q + width, v = k + width;
    // The last panel sees all keys, so it sets dK and dV and the others add to them.
    for (std::ptrdiff_t begin = last; begin >= 0; begin -= kPanel) {
      const std::ptrdiff_t rows = std::min(kPanel, context - begin), seen = begin + rows;
      const Scalar beta = begin == last ? Scalar{0} : Scalar{1};
      const Scalar* panel = probabilities + (h * context + begin) * context;
      const Scalar* gradient = output_gradient + begin * width + q;
      gemm(Transpose::no, Transpose::yes, rows, seen, head_width, Scalar{1}, {gradient, width}, {qkv + v, stride},
           Scalar{0}, {scratch, context});  // dP = dO V^T
      gemm(Transpose::yes, Transpose::no, seen, head_width, rows, Scalar{1}, {panel, context}, {gradient, width}, beta,
           {qkv_gradient + v, stride});  // dV += P^T dO
      softmax_backward(panel, rows, seen, context, score_scale<Scalar>(shape), scratch, context);
      gemm(Transpose::no, Transpose::no, rows, head_width, seen, Scalar{1}, {scratch, context}, {qkv + k, stride},
           Scalar{0}, {qkv_gradient + begin * stride + q, stride});  // dQ = dS K
      gemm(Transpose::yes, Transpose::no, seen, head_width, rows, Scalar{1}, {scratch, context},
           {qkv + begin * stride + q, stride}, beta, {qkv_gradient + k, stride});  // dK += dS^T Q
    }
  }
}

#define STEPBENCH_INSTANTIATE(S)                                               \
  template void attention_forward<S>(const AttentionShape&, const S*, S*, S*); \
  template void attention_backward<S>(const AttentionShape&, const S*, const S*, const S*, S*, S*)
STEPBENCH_INSTANTIATE(float);
STEPBENCH_INSTANTIATE(double);
#undef STEPBENCH_INSTANTIATE

}  // namespace stepbench
