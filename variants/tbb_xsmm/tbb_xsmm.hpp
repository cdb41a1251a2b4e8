// `tbb_openblas` with products that are put together from libxsmm's kernels, which it generates while it runs.
#pragma once

#include "variants/backend.hpp"

namespace stepbench {

[[nodiscard]] Backend tbb_xsmm_backend();

}  // namespace stepbench
