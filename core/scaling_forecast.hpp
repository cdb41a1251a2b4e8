// How much faster a training step would be on more cores, from its tasks as they were timed on one. Simulated is a
// greedy schedule with the measured costs of handing out; not simulated is what cores share: caches, the memory's
// bandwidth, a clock that falls when all are busy. A forecast is therefore of what the cut of the step allows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/step_trace.hpp"

namespace stepbench {

/// A step that was cut for so many cores, as one core ran it.
struct StepCut {
  std::int64_t cores = 1;
  StepTrace trace;
  double one_core = 0;  // s: the whole step cut for one core, timed in turns with this one
  /// s of that step outside its tasks: gathering the batch, and what lies between and around them. Of a finer cut it is
  /// more, by what one core spends between more tasks: that is among the costs of a task, and cores share it.
  double outside = 0;
  double gathering = 0;  // s: of these, the batch's
  HandOutCosts hand_out;
};

/// What keeps a step on so many cores from being faster: the largest of the four times that it cannot fall below.
struct ScalingBound {
  enum class Kind {
    work,      // all tasks, shared evenly by the cores: more cores would help
    chain,     // tasks that wait for each other: more cores would not help
    hand_out,  // handing the tasks out
    outside,   // what no task holds, and one core does
  };
  Kind kind = Kind::work;
  double seconds = 0;
  std::string name = {};   // of a chain: the tasks with the most seconds of it; of `outside`: what most of it is
  std::int64_t tasks = 0;  // of a chain: how many of that name the step has
};
[[nodiscard]] std::string_view to_text(ScalingBound::Kind kind);  // "work", "chain", "hand-out", "outside"
/// In plain words: `dW of layer 0, 4 tasks`, `work`, `gathering the batch`.
[[nodiscard]] std::string bound_text(const ScalingBound& bound);

/// What so many cores would make of the step.
struct ScalingForecast {
  std::int64_t cores = 1;
  std::int64_t tasks = 0;
  double work = 0, span = 0;  // s
  double seconds = 0;         // of the step on these cores
  double speedup = 0;         // over the step cut for one core
  HandOutCosts hand_out;
  double outside = 0;  // s, as in the cut
  ScalingBound bound;
  [[nodiscard]] double parallelism() const { return work / span; }
};

[[nodiscard]] ScalingForecast forecast_scaling(const StepCut& cut);

}  // namespace stepbench
