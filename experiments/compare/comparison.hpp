// Everything that `stepbench compare` says, as data: computed here from result files, printed by report.hpp.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/compare/learning.hpp"
#include "experiments/compare/speed.hpp"

namespace stepbench::compare {

/// Training time until `training.target` was first met, by seed; NaN for not reached. The median counts those as later
/// than any other: it is infinite where half of the seeds or more did not reach the target.
struct TimesToTarget {
  std::vector<double> seconds = {};
  std::size_t reached = 0;
  double median = kNotANumber, shortest = kNotANumber,
         longest = kNotANumber;  // s; of those that reached it, but for the median
};

struct TargetRow {
  std::string settings, trial, baseline;  // as in Match
  std::string target;                     // `validation_accuracy>=0.95`
  std::vector<std::uint64_t> seeds = {};
  TimesToTarget time = {}, baseline_time = {};
};

struct CompareOptions {
  double speed_margin = kSpeedMargin;
  LearningOptions learning = {};
};

struct Comparison {
  std::string file, baseline_file;  // the latter empty within a file
  std::string experiment;
  bool paired = true;
  CompareOptions options = {};
  std::vector<SpeedRow> speed;
  std::vector<LearningComparison> learning;
  std::vector<TargetRow> targets;  // empty when the experiment has none
  std::vector<std::string> unmatched, notes, warnings;
};

/// A trial's times over the seeds of a match.
[[nodiscard]] TimesToTarget times_to_target(std::vector<double> seconds);

/// Throws InputError where match.hpp does.
[[nodiscard]] Comparison compare_within(const ResultFile& file, const std::string& baseline,
                                        const CompareOptions& options);
[[nodiscard]] Comparison compare_files(const ResultFile& file, const ResultFile& baseline,
                                       const CompareOptions& options);

/// The rows that answer: of several seeds the one of all together, of learning the verdicts without their differences.
[[nodiscard]] Comparison brief(Comparison comparison);

}  // namespace stepbench::compare
