// Which trials of a config `stepbench scale` looks at: each backend with each of its settings once, whatever threads
// the config asks for, under each of its conditions once, whatever seeds.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/arm.hpp"
#include "experiments/plan/plan.hpp"

namespace stepbench::scale {

struct Entry {
  std::string id;         // `tbb-s1`
  std::string group;      // `s1`
  Arm arm;                // of one thread
  PlannedTrial one_core;  // the trial on one thread; `unsupported` where there is none
};

struct Selection {
  std::vector<Entry> entries;  // group by group
  std::size_t groups = 0;
  std::size_t other_seeds = 0;  // groups that were left out, as they differ from another in their seed only
};
[[nodiscard]] Selection select_entries(std::span<const PlannedGroup> groups);

/// The entry's trial on so many threads.
[[nodiscard]] PlannedTrial on_threads(const Entry& entry, std::int64_t threads);

}  // namespace stepbench::scale
