// Times the same work on several threads at once.
#pragma once

#include <functional>
#include <vector>

namespace stepbench {

/// Wall seconds of each of `repetitions`, in which threads 0 .. threads-1 (0 is the calling one) call work(thread)
/// once: from the moment that all are ready until the last one is done. Throws SupplyError where it cannot have them.
[[nodiscard]] std::vector<double> time_together(int threads, int repetitions, const std::function<void(int)>& work);

}  // namespace stepbench
