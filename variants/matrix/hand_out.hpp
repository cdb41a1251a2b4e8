// What tasks took, as the runner is told (core/step_trace.hpp), and what it costs to hand them out.
#pragma once

#include <vector>

#include "core/step_trace.hpp"
#include "variants/matrix/executor.hpp"

namespace stepbench {

/// Of a step that has run: its tasks, without the joins, and the summing of the losses after them. `seconds` per node.
[[nodiscard]] StepTrace trace_of(const TaskGraph& graph, const std::vector<double>& seconds, double summing_seconds,
                                 double wall_seconds);

/// Measured on as many threads as the executor has, in some 50 ms.
[[nodiscard]] HandOutCosts measure_hand_out(Executor& executor);

}  // namespace stepbench
