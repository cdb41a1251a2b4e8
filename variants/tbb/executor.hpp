// Tasks on oneTBB: an arena of its own for each executor, whose workers flush denormals.
#pragma once

#include <memory>

#include "variants/matrix/executor.hpp"

namespace stepbench {

/// On `threads` threads, the calling one included, also where there are fewer cores; OpenBLAS has one in each of them.
/// `blas_callers`: how many of them may call it at once, 0 for none: it is then asked for no memory.
[[nodiscard]] std::unique_ptr<Executor> make_tbb_executor(int threads, int blas_callers);

}  // namespace stepbench
