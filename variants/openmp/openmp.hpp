// `tbb`'s cut and products as tasks of the compiler's OpenMP.
#pragma once

#include <memory>
#include <vector>

#include "variants/backend.hpp"
#include "variants/matrix/executor.hpp"

namespace stepbench {

/// On `threads` threads, the calling one included, also where there are fewer cores. `cpus`: as NetworkSettings has
/// them.
[[nodiscard]] std::unique_ptr<Executor> make_openmp_executor(int threads, std::vector<int> cpus = {});

/// Why OpenMP cannot have so many; empty when it can.
[[nodiscard]] std::string openmp_threads_unsupported(std::int64_t threads);

[[nodiscard]] Backend openmp_backend();

}  // namespace stepbench
