// 128-bit vectors; where there is no FMA, a multiplication and an addition: 8 chains of 16 registers.
#include "experiments/machine/fma_loop_body.hpp"

namespace stepbench {

FmaLoop fma_loop_portable(bool single_precision) { return make_fma_loop<16, 8>(single_precision); }

}  // namespace stepbench
