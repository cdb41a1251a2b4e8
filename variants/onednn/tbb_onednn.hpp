// `tbb_openblas` with oneDNN's products in place of OpenBLAS's, and weights in the blocks that oneDNN wants, where it
// wants any.
#pragma once

#include "variants/backend.hpp"

namespace stepbench {

[[nodiscard]] Backend tbb_onednn_backend();

}  // namespace stepbench
