// What is recorded of OpenBLAS, for the rows of backends that compute with it.
#pragma once

#include <vector>

#include "variants/backend.hpp"

namespace stepbench {

/// blas_core, blas_core_forced, openblas_version, openblas_threading, openblas_max_threads.
[[nodiscard]] std::vector<LibraryFact> openblas_facts();

}  // namespace stepbench
