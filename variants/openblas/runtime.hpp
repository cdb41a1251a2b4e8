// Everything about OpenBLAS that is global to the process, in one place: which kernels it picked, how many threads it
// uses, and the re-execution that makes both right. The core is picked and the first workers are started while the
// library loads, before main(), so what is wrong then can only be mended by starting over.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/isa.hpp"
#include "core/network.hpp"

namespace stepbench {

/// First thing in main(). Executes the program anew, once, when
/// - OPENBLAS_NUM_THREADS is not 1 (OMP_NUM_THREADS for the OpenMP flavour): a worker that OpenBLAS starts while it
///   loads never gets FTZ/DAZ, and OpenMP's count set later holds for the calling thread only, not for TBB's; or
/// - OpenBLAS picked kernels far below what this CPU can run (0.3.21 takes newer Intel models for a Prescott: SSE3 on
///   an AVX-512 machine) and the user has not set OPENBLAS_CORETYPE: then with the right core, which is said on stderr.
/// Where glibc allows, OPENBLAS_NUM_THREADS has been seen to before OpenBLAS was loaded: it ends the process when it
/// cannot have its threads then. So has how OpenMP's threads wait (GOMP_SPINCOUNT), unless the user has said how, and
/// that it binds none: measure.pin does, and OMP_PROC_BIND would hold this thread on one CPU from the start.
/// Sets FTZ/DAZ for this thread, which later threads inherit. Returns only in a process where all this holds, or where
/// it cannot be had (no /proc/self/exe).
void require_honest_kernels(char** argv);

/// This process's environment, `NAME=value` each, without what require_honest_kernels added when it executed the
/// program anew: for children that are to pick their own kernels.
[[nodiscard]] std::vector<std::string> environment_as_started();

/// Whose threads OpenBLAS runs on: the flavour of the library that was loaded.
enum class BlasThreading { none, pthreads, openmp };
[[nodiscard]] std::string_view to_text(BlasThreading threading);  // `none`, `pthreads`, `OpenMP`

struct BlasRuntime {
  std::string core;     // what OpenBLAS runs: `SkylakeX`
  bool forced = false;  // by us, on re-execution
  std::string version;  // `0.3.21`
  BlasThreading threading = BlasThreading::pthreads;
  int max_threads = 1;  // that it was built for, and never exceeds; what it is asked beyond, it silently cuts
};
[[nodiscard]] BlasRuntime blas_runtime();

/// What OpenBLAS's core should be where this instruction set is in use, and what it reports: empty when `core` is fit,
/// else the name to force. Not narrower: its kernels are many times slower than need be. Not wider: STEPBENCH_ISA asks
/// how everything does on a lesser CPU. Apart from the process so that it can be tested.
[[nodiscard]] std::string better_blas_core(Isa isa, const std::string& core);

/// `MAX_THREADS` of openblas_get_config()'s text; 1 for a library without threads.
[[nodiscard]] int blas_max_threads(std::string_view config);

/// Why OpenBLAS cannot compute with `threads` threads of its own, or in `callers` threads at once with one each; empty
/// when it can. Apart from the process so that it can be tested.
[[nodiscard]] std::string blas_threads_unsupported(const BlasRuntime& runtime, std::int64_t threads);
[[nodiscard]] std::string blas_callers_unsupported(const BlasRuntime& runtime, std::int64_t callers);

/// Sets OpenBLAS's thread count for the claim's life; back to 1 after it. `callers`: threads of ours that will call it
/// at the same time, 0 for none. Throws SupplyError when OpenBLAS could not have its threads or memory: it would hang;
/// and Error when it then says that it has another number of threads. `cpus`: as NetworkSettings has them.
[[nodiscard]] std::unique_ptr<ThreadClaim> claim_blas_threads(int threads, int callers = 1,
                                                              std::span<const int> cpus = {});

}  // namespace stepbench
