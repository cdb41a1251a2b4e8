// `tbb_openblas` with MKL's products in place of OpenBLAS's.
#pragma once

#include "variants/backend.hpp"

namespace stepbench {

[[nodiscard]] Backend tbb_mkl_backend();

}  // namespace stepbench
