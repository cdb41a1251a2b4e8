// `stepbench compare` of three files or more, as data: computed here, printed by report.hpp.
#pragma once

#include <string>
#include <vector>

#include "experiments/compare/comparison.hpp"
#include "experiments/compare/fail_if.hpp"
#include "experiments/history/changes.hpp"
#include "experiments/history/differences.hpp"
#include "experiments/history/series.hpp"

namespace stepbench::history {

/// A file's row in the list of them.
struct FileFacts {
  std::string name, created, commit, machine;
};

/// Between a file and the one before it; `to` is the later one's place.
struct Step {
  std::size_t to;
  std::vector<Difference> differences;
};

struct History {
  std::string experiment = {};
  double speed_margin = kSpeedMargin;
  std::vector<FileFacts> files = {};
  SeriesOfFiles found = {};
  std::vector<Change> consecutive = {}, over_all = {};
  std::vector<Step> steps = {};  // those with a difference
};

/// Throws InputError where series_of does.
[[nodiscard]] History history_of(const std::vector<NamedFile>& files, const std::string& baseline, double speed_margin);

/// The conditions held against the last file and the one before it: `slower:P%` against how its ratio changed,
/// `learns-worse` against what the same trials learned, which needs both files' steps. What the one has and the other
/// has not cannot be told.
[[nodiscard]] std::vector<compare::Finding> hold_against(const History& history, const std::vector<NamedFile>& files,
                                                         const std::vector<compare::FailCondition>& conditions,
                                                         const compare::CompareOptions& options);

}  // namespace stepbench::history
