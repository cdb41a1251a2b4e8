// `tbb`'s cut and products on threads of our own (thread_pool.hpp): between the two, it tells what stealing is worth.
#pragma once

#include <memory>
#include <vector>

#include "variants/backend.hpp"
#include "variants/matrix/executor.hpp"

namespace stepbench {

/// On `threads` threads, the calling one included. `cpus`: as NetworkSettings has them. Throws SupplyError.
[[nodiscard]] std::unique_ptr<Executor> make_thread_pool_executor(int threads, std::vector<int> cpus = {});

[[nodiscard]] Backend threads_backend();

}  // namespace stepbench
