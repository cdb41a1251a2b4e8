// One build of the kernels of bfloat16 alone, for an instruction set that has more for them than the one that the rest
// is built for: STEPBENCH_TABLE is the name of their table.
#include "variants/kernels/isa/bfloat16.hpp"

namespace stepbench {

const Bfloat16Functions STEPBENCH_TABLE = kBfloat16Functions;

}  // namespace stepbench
