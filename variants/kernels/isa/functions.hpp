// The kernels as one build of them for an instruction set has them. table.cpp is compiled once for each set, with its
// options (../CMakeLists.txt), and dispatch.cpp chooses when the program starts.
//
// What is compiled for an instruction set must not define a function that another file may define, too: the linker
// takes one of the two, and a CPU without the set would run it. So the code here is in unnamed namespaces and calls
// nothing of the standard library but what the compiler expands; tests/variants/test_isa_objects.py looks at the
// objects.
#pragma once

#include "variants/kernels/bfloat16.hpp"
#include "variants/kernels/direct_product.hpp"
#include "variants/kernels/fused_product.hpp"
#include "variants/kernels/kernels.hpp"
#include "variants/kernels/transformer_kernels.hpp"
#include "variants/kernels/vector_math.hpp"

namespace stepbench {

/// A member for each function of those headers, under its name.
template <typename Scalar>
struct KernelFunctions {
  decltype(&stepbench::direct_product<Scalar>) direct_product;
  decltype(&stepbench::transpose<Scalar>) transpose;
  decltype(&stepbench::fused_product<Scalar>) fused_product;
  decltype(&stepbench::weight_gradient<Scalar>) weight_gradient;
  decltype(&stepbench::fused_update<Scalar>) fused_update;
  decltype(&stepbench::update_weights<Scalar>) update_weights;
  decltype(&stepbench::add_bias<Scalar>) add_bias;
  decltype(&stepbench::mask_by_relu<Scalar>) mask_by_relu;
  decltype(&stepbench::sum_rows<Scalar>) sum_rows;
  decltype(&stepbench::sum_row_products<Scalar>) sum_row_products;
  decltype(&stepbench::sum_of_squares<Scalar>) sum_of_squares;
  decltype(&stepbench::squared_error_row<Scalar>) squared_error_row;
  decltype(&stepbench::cross_entropy_row<Scalar>) cross_entropy_row;
  decltype(&stepbench::cross_entropy_row_in_double<Scalar>) cross_entropy_row_in_double;
  decltype(&stepbench::cross_entropy_row_in_bfloat16<Scalar>) cross_entropy_row_in_bfloat16;
  decltype(&stepbench::stablemax_cross_entropy_row<Scalar>) stablemax_cross_entropy_row;
  decltype(&stepbench::update_slice<Scalar>) update_slice;
  decltype(&stepbench::layer_norm<Scalar>) layer_norm;
  decltype(&stepbench::layer_norm_backward<Scalar>) layer_norm_backward;
  decltype(&stepbench::add_bias_and_activate<Scalar>) add_bias_and_activate;
  decltype(&stepbench::activation_backward<Scalar>) activation_backward;
  decltype(&stepbench::causal_softmax<Scalar>) causal_softmax;
  decltype(&stepbench::softmax_backward<Scalar>) softmax_backward;
  decltype(&stepbench::token_cross_entropy<Scalar>) token_cross_entropy;
  void (*exp_in_place)(Scalar*, std::ptrdiff_t);
};

/// The same of bfloat16.hpp.
struct Bfloat16Functions {
  decltype(&stepbench::bfloat16_product) product;
  decltype(&stepbench::bfloat16_gradient) gradient;
  decltype(&stepbench::update_bfloat16) update;
  decltype(&stepbench::update_bfloat16_rows) update_rows;
  decltype(&stepbench::train_bfloat16) train;
  decltype(&stepbench::round_to_bfloat16) round;
  decltype(&stepbench::widen) widen;
  decltype(&stepbench::sum_bfloat16_rows) sum_rows;
};

struct Kernels {
  KernelFunctions<float> float32;
  KernelFunctions<double> float64;
  Bfloat16Functions bfloat16;
};

extern const Kernels kPortableKernels, kAvx2Kernels, kAvx512Kernels;
extern const Bfloat16Functions kAvx512bf16Bfloat16;

}  // namespace stepbench
