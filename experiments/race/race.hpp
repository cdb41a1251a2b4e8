// The races of `stepbench race OLD NEW CONFIG`: two builds of the program, a process each and one more for OLD's twin,
// take turns at the same trial, so that drift of the machine hits all alike. Only one of the three is ever awake.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "experiments/plan/plan.hpp"
#include "experiments/race/report.hpp"
#include "experiments/terminal/progress.hpp"

namespace stepbench::race {

struct Request {
  std::filesystem::path old_program, new_program, config;
  std::vector<std::string> overrides;  // `section.key=value`
  /// Races of each trial, with new processes each time, whose rounds are pooled: where a process's memory happens to
  /// lie can make it slower by a percent or more in all its rounds.
  std::int64_t repeats = 1;
};

/// What the two programs say they are.
struct Builds {
  std::string old_build, new_build;
};

/// A supported trial, to its end. A failed gate is a result; throws Error and InputError as Racer does.
[[nodiscard]] TrialRace race_trial(const Request& request, const PlannedTrial& planned, Builds& builds,
                                   Progress& progress);

}  // namespace stepbench::race
