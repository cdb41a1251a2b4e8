// 256-bit vectors: 12 chains and 2 constants of 16 registers.
#include "experiments/machine/fma_loop_body.hpp"

namespace stepbench {

FmaLoop fma_loop_avx2(bool single_precision) { return make_fma_loop<32, 12>(single_precision); }

}  // namespace stepbench
