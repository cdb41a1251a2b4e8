#include "experiments/history/changes.hpp"

#include <algorithm>
#include <cmath>

namespace stepbench::history {
namespace {

double larger(double a, double b) { return std::isnan(a) ? b : std::isnan(b) ? a : std::max(a, b); }

double half_width(const RatioEstimate& speed) { return std::log(speed.high / speed.low) / 2; }

Change change_of(const SeriesOfFiles& history, std::size_t series, std::size_t from, std::size_t to, double margin) {
  const auto& points = history.series[series].points;
  Change change{series, from, to, change_between(points[from]->speed, points[to]->speed)};
  change.verdict = speed_verdict(change.evidence.speed, change.evidence.noise_floor, margin);
  change.is_change_point = is_change_point(change.evidence, margin);
  return change;
}

std::vector<std::size_t> files_with(const Series& series) {
  std::vector<std::size_t> files;
  for (std::size_t f = 0; f < series.points.size(); ++f) {
    if (series.points[f]) files.push_back(f);
  }
  return files;
}

}  // namespace

SpeedEvidence change_between(const SpeedEvidence& before, const SpeedEvidence& after) {
  SpeedEvidence change{{after.speed.ratio / before.speed.ratio, kNotANumber, kNotANumber},
                       larger(before.noise_floor, after.noise_floor)};
  change.speed.pairs = std::min(before.speed.pairs, after.speed.pairs);
  for (const SpeedEvidence& part : {before, after}) {
    if (part.basis != Basis::rounds) change.basis = part.basis;
  }
  const double half = std::hypot(half_width(before.speed), half_width(after.speed));
  change.speed.low = change.speed.ratio * std::exp(-half);
  change.speed.high = change.speed.ratio * std::exp(half);
  return change;
}

bool is_change_point(const SpeedEvidence& change, double margin) {
  const SpeedVerdict verdict = speed_verdict(change.speed, change.noise_floor, margin);
  const bool told = verdict == SpeedVerdict::faster || verdict == SpeedVerdict::slower;
  return told && (change.speed.ratio > 1 + margin || change.speed.ratio < 1 / (1 + margin));
}

std::vector<Change> consecutive_changes(const SeriesOfFiles& history, double margin) {
  std::vector<Change> changes;
  for (std::size_t s = 0; s < history.series.size(); ++s) {
    const std::vector<std::size_t> files = files_with(history.series[s]);
    for (std::size_t i = 1; i < files.size(); ++i) {
      changes.push_back(change_of(history, s, files[i - 1], files[i], margin));
    }
  }
  return changes;
}

std::vector<Change> changes_over_all(const SeriesOfFiles& history, double margin) {
  std::vector<Change> changes;
  for (std::size_t s = 0; s < history.series.size(); ++s) {
    const std::vector<std::size_t> files = files_with(history.series[s]);
    if (files.size() >= 3) changes.push_back(change_of(history, s, files.front(), files.back(), margin));
  }
  return changes;
}

}  // namespace stepbench::history
