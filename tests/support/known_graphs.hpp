// Tasks whose work, span and schedules can be told by hand.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/step_trace.hpp"

namespace stepbench::testing {

/// Each waits for the one before it.
inline std::vector<TracedTask> chain_of(const std::vector<double>& seconds, const std::string& name = "link") {
  std::vector<TracedTask> tasks;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    tasks.push_back({name, seconds[i], {}});
    if (i > 0) tasks.back().after = {static_cast<std::int32_t>(i) - 1};
  }
  return tasks;
}

/// `fork`, then `count` times `part` side by side, then `join`, each of so many seconds.
inline std::vector<TracedTask> fork_join(std::int32_t count, double seconds) {
  std::vector<TracedTask> tasks = {{"fork", seconds, {}}};
  std::vector<std::int32_t> parts;
  for (std::int32_t i = 1; i <= count; ++i) {
    tasks.push_back({"part", seconds, {0}});
    parts.push_back(i);
  }
  tasks.push_back({"join", seconds, parts});
  return tasks;
}

}  // namespace stepbench::testing
