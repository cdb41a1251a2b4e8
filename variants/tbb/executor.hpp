// Tasks on oneTBB: an arena of its own for each executor, whose workers flush denormals and are held on its CPUs.
#pragma once

#include <memory>
#include <vector>

#include "variants/matrix/executor.hpp"

namespace stepbench {

/// On `threads` threads, the calling one included, also where there are fewer cores; OpenBLAS has one in each of them.
/// `blas_callers`: how many of them may call it at once, 0 for none: it is then asked for no memory. `cpus`: as
/// NetworkSettings has them.
[[nodiscard]] std::unique_ptr<Executor> make_tbb_executor(int threads, int blas_callers, std::vector<int> cpus = {});

}  // namespace stepbench
