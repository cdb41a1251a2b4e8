#include "variants/openblas/facts.hpp"

#include "variants/openblas/runtime.hpp"

namespace stepbench {

std::vector<LibraryFact> openblas_facts() {
  const BlasRuntime blas = blas_runtime();
  return {{"blas_core", "OpenBLAS's kernels", blas.core},
          {"blas_core_forced", "", blas.forced, /*makes_bits=*/false},
          {"openblas_version", "OpenBLAS", blas.version},
          {"openblas_threading", "OpenBLAS's threads", std::string(to_text(blas.threading))},
          {"openblas_max_threads", "", std::int64_t{blas.max_threads}, /*makes_bits=*/false}};
}

}  // namespace stepbench
