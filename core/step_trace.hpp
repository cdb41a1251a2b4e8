// Of what tasks a training step is made, what they took and which of them had to wait for which: what
// `stepbench scale` tells the use of more cores from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stepbench {

struct TracedTask {
  std::string name;                 // what it does; the same for all parts of one thing: `dW of layer 0`
  double seconds = 0;               // on one core
  std::vector<std::int32_t> after;  // the tasks, by number, that it waits for: each smaller than its own
};

struct StepTrace {
  std::vector<TracedTask> tasks;  // in an order in which one core may run them
  double wall_seconds = 0;        // of the whole step, with what lies between and around the tasks
};

/// Wall seconds that it takes to hand out work which does nothing.
struct HandOutCosts {
  double task = 0;  // for each task, beside what the others take meanwhile
  double step = 0;  // for each step: to wake the threads and to gather them again
};

}  // namespace stepbench
