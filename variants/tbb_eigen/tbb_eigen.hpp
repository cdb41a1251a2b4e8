// `tbb_openblas` with Eigen's products in place of OpenBLAS's.
#pragma once

#include "variants/backend.hpp"

namespace stepbench {

[[nodiscard]] Backend tbb_eigen_backend();

}  // namespace stepbench
