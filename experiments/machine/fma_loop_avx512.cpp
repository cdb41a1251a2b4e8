// 512-bit vectors: 24 chains and 2 constants of 32 registers.
#include "experiments/machine/fma_loop_body.hpp"

namespace stepbench {

FmaLoop fma_loop_avx512(bool single_precision) { return make_fma_loop<64, 24>(single_precision); }

}  // namespace stepbench
