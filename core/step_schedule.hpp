// What the tasks of a traced step allow, whatever runs them: their work, their longest chain, and how long a greedy
// schedule takes on so many cores (Graham, "Bounds for certain multiprocessing anomalies", 1966: at most work / cores +
// span). Not here: what handing tasks out costs, and what more cores gain (scaling_forecast.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/step_trace.hpp"

namespace stepbench {

/// Throws Error where a task waits for one that does not come before it: a fault of the backend that said so.
void require_ordered(std::span<const TracedTask> tasks);

/// Seconds on one core: the sum over all tasks.
[[nodiscard]] double work_of(std::span<const TracedTask> tasks);

/// Tasks each of which waits for the one before it.
struct TaskChain {
  double seconds = 0;
  std::vector<std::size_t> tasks;  // numbers, in the order in which they run
};
/// The one that takes longest: its seconds, the span, are the least that any number of cores can take.
[[nodiscard]] TaskChain longest_chain(std::span<const TracedTask> tasks);

/// Seconds that `cores` take when none is idle while a task could run, and the first task of those that could is taken.
/// `per_task`: seconds by which each is lengthened.
[[nodiscard]] double greedy_schedule(std::span<const TracedTask> tasks, std::int64_t cores, double per_task = 0);

/// Of so many cores' time in such a schedule, the share in which they have tasks: from above 0 to 1.
[[nodiscard]] double busy_share(std::span<const TracedTask> tasks, std::int64_t cores);

/// Several traces of one step, of which all but the first are kept as times alone.
class TraceSample {
 public:
  /// A trace with other tasks than the first, as of a short batch, does not count.
  void add(const StepTrace& trace);
  /// The step of which each task takes the lower quartile of its seconds, and the whole that of the wall times; empty
  /// for none.
  [[nodiscard]] StepTrace lower_quartile() const;

 private:
  StepTrace first_;
  std::vector<double> wall_seconds_;
  std::vector<std::vector<double>> seconds_;  // by task
};

}  // namespace stepbench
