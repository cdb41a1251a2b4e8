// One build of all kernels: STEPBENCH_TABLE is the name of its table.
#include "variants/kernels/isa/bfloat16.hpp"
#include "variants/kernels/isa/direct_product.hpp"
#include "variants/kernels/isa/elementwise.hpp"
#include "variants/kernels/isa/exp.hpp"
#include "variants/kernels/isa/functions.hpp"
#include "variants/kernels/isa/fused_product.hpp"
#include "variants/kernels/isa/helpers.hpp"
#include "variants/kernels/isa/transformer.hpp"
#include "variants/kernels/isa/transpose.hpp"

namespace stepbench {
namespace {

template <typename Scalar>
constexpr KernelFunctions<Scalar> kFunctions = {
    .direct_product = isa::direct_product<Scalar>,
    .transpose = isa::transpose<Scalar>,
    .fused_product = isa::fused_product<Scalar>,
    .weight_gradient = isa::weight_gradient<Scalar>,
    .fused_update = isa::fused_update<Scalar>,
    .update_weights = isa::update_weights<Scalar>,
    .add_bias = isa::add_bias<Scalar>,
    .mask_by_relu = isa::mask_by_relu<Scalar>,
    .sum_rows = isa::sum_rows<Scalar>,
    .sum_row_products = isa::sum_row_products<Scalar>,
    .sum_of_squares = isa::sum_of_squares<Scalar>,
    .squared_error_row = isa::squared_error_row<Scalar>,
    .cross_entropy_row = isa::cross_entropy_row<Scalar>,
    .cross_entropy_row_in_double = isa::cross_entropy_row_in_double<Scalar>,
    .cross_entropy_row_in_bfloat16 = isa::cross_entropy_row_in_bfloat16<Scalar>,
    .stablemax_cross_entropy_row = isa::stablemax_cross_entropy_row<Scalar>,
    .update_slice = isa::update_slice<Scalar>,
    .layer_norm = isa::layer_norm<Scalar>,
    .layer_norm_backward = isa::layer_norm_backward<Scalar>,
    .add_bias_and_activate = isa::add_bias_and_activate<Scalar>,
    .activation_backward = isa::activation_backward<Scalar>,
    .causal_softmax = isa::causal_softmax<Scalar>,
    .softmax_backward = isa::softmax_backward<Scalar>,
    .token_cross_entropy = isa::token_cross_entropy<Scalar>,
    .exp_in_place = isa::exp_in_place,
};

}  // namespace

const Kernels STEPBENCH_TABLE = {kFunctions<float>, kFunctions<double>, kBfloat16Functions};

}  // namespace stepbench
