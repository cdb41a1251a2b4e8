#include "experiments/compare/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/compare/same_experiment.hpp"

namespace stepbench::compare {
namespace {

std::vector<TargetRow> compare_targets(const Matching& matching) {
  std::vector<TargetRow> rows;
  for (const Match& match : matching.matches) {
    const std::string target = text_of(match.pairs.front().trial->settings, "training.target");
    if (target.empty()) continue;
    TargetRow row{match.settings, match.trial, match.baseline, target};
    std::vector<double> times, baseline_times;
    for (const TrialPair& pair : match.pairs) {
      row.seeds.push_back(pair.trial->seed);
      times.push_back(pair.trial->summary.time_to_target);
      baseline_times.push_back(pair.baseline->summary.time_to_target);
    }
    row.time = times_to_target(std::move(times));
    row.baseline_time = times_to_target(std::move(baseline_times));
    rows.push_back(std::move(row));
  }
  return rows;
}

Comparison compare(Matching matching, const ResultFile& file, const CompareOptions& options) {
  Comparison comparison;
  comparison.experiment = file.experiment;
  comparison.paired = matching.paired;
  comparison.options = options;
  comparison.speed = compare_speed(matching, options.speed_margin);
  comparison.learning = compare_learning(matching, options.learning);
  comparison.targets = compare_targets(matching);
  comparison.unmatched = std::move(matching.unmatched);
  comparison.notes = std::move(matching.notes);
  comparison.warnings = std::move(matching.warnings);
  return comparison;
}

}  // namespace

TimesToTarget times_to_target(std::vector<double> seconds) {
  TimesToTarget times{.seconds = seconds};
  std::ranges::replace_if(
      seconds, [](double s) { return std::isnan(s); }, std::numeric_limits<double>::infinity());
  std::ranges::sort(seconds);
  times.reached = static_cast<std::size_t>(std::ranges::count_if(seconds, [](double s) { return std::isfinite(s); }));
  times.median = median(seconds);
  if (times.reached > 0) {
    times.shortest = seconds.front();
    times.longest = seconds[times.reached - 1];
  }
  return times;
}

Comparison compare_within(const ResultFile& file, const std::string& baseline, const CompareOptions& options) {
  return compare(match_within(file, baseline), file, options);
}

Comparison compare_files(const ResultFile& file, const ResultFile& baseline, const CompareOptions& options) {
  return compare(match_between(file, baseline), file, options);
}

Comparison brief(Comparison comparison) {
  std::erase_if(comparison.speed, [](const SpeedRow& row) { return !row.decides; });
  for (LearningComparison& row : comparison.learning) row.metrics.clear();
  return comparison;
}

}  // namespace stepbench::compare
