// MKL beside OpenBLAS in one process. Both define cblas_sgemm and all else of BLAS; so MKL is opened while the program
// runs, its names stay with whoever opened it, and nobody else's calls can reach it, nor its own another library.
#pragma once

#include <string>

namespace stepbench {

struct MklLibrary {
  template <typename Scalar>
  using Gemm = void (*)(int layout, int transpose_a, int transpose_b, int m, int n, int k, Scalar alpha,
                        const Scalar* a, int lda, const Scalar* b, int ldb, Scalar beta, Scalar* c, int ldc);
  Gemm<float> sgemm = nullptr;  // of CBLAS, in its sequential layer: on the calling thread
  Gemm<double> dgemm = nullptr;
  std::string version;    // `2026.0.2`
  std::string processor;  // what it takes the CPU for, by which it chooses its kernels
  std::string problem;    // why it cannot be used; empty where it can
};

/// Opened by the first call, and held to what STEPBENCH_ISA allows as far as it lets itself be: not on AMD's CPUs,
/// where it chooses by itself.
[[nodiscard]] const MklLibrary& mkl_library();

}  // namespace stepbench
