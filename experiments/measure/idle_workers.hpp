// Between two blocks: no worker thread of the last one may still run when the next one starts.
#pragma once

namespace stepbench {

/// Waits until no thread of this process runs any more, at most 0.2 s. Idle workers of OpenBLAS and oneTBB spin for a
/// while after their last piece of work, and would take the next block's cores.
void wait_for_idle_workers();

}  // namespace stepbench
