#include "experiments/compare/speed.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>

#include "experiments/compare/same_experiment.hpp"

namespace stepbench {
namespace {

/// A trial's step times by round, one group after the other.
void append_times(const GroupRecord* rounds, const std::string& id, std::vector<double>& times) {
  if (rounds == nullptr) return;
  const auto column = static_cast<std::size_t>(std::ranges::find(rounds->trials, id) - rounds->trials.begin());
  if (column == rounds->trials.size()) return;
  for (std::size_t i = column; i < rounds->step_time.size(); i += rounds->trials.size()) {
    times.push_back(rounds->step_time[i]);
  }
}

/// What the twins of these groups say together; NaN when there are none.
double noise_floor_of(const std::set<const GroupRecord*>& groups) {
  std::vector<double> originals, twins;
  for (const GroupRecord* group : groups) {
    if (group == nullptr) continue;
    for (const std::string& original : group->trials) {
      if (std::ranges::find(group->trials, twin_id(original)) == group->trials.end()) continue;
      append_times(group, original, originals);
      append_times(group, twin_id(original), twins);
    }
  }
  return noise_floor(originals, twins);
}

/// The larger; a NaN says nothing.
double larger(double a, double b) { return std::isnan(a) ? b : std::isnan(b) ? a : std::max(a, b); }

std::vector<double> usable(const std::vector<double>& times) {
  std::vector<double> kept;
  std::ranges::copy_if(times, std::back_inserter(kept), [](double time) { return std::isfinite(time) && time > 0; });
  return kept;
}

bool interleaved(const TrialRecord& trial) { return text_of(trial.settings, "measure.interleave") != "false"; }

/// A peer's trial, added from outside, took no turns with the group's: the medians give a ratio, but no interval.
void compare_medians(std::span<const TrialPair> pairs, SpeedRow& row) {
  std::vector<double> times, baseline_times;
  for (const TrialPair& pair : pairs) {
    times.push_back(pair.trial->summary.step_time_median);
    baseline_times.push_back(pair.baseline->summary.step_time_median);
  }
  row.unpaired = !usable(times).empty();
  row.step_time = median(usable(times));
  row.baseline_step_time = median(usable(baseline_times));
  row.speed = {paired_ratio(baseline_times, times).ratio, kNotANumber, kNotANumber};
}

SpeedRow speed_row(const Matching& matching, const Match& match, std::span<const TrialPair> pairs) {
  SpeedRow row{.settings = match.settings, .trial = match.trial, .baseline = match.baseline};
  row.decides = pairs.size() == match.pairs.size();
  std::vector<double> times, baseline_times;
  std::set<const GroupRecord*> groups, baseline_groups;
  bool share_rounds = true;
  for (const TrialPair& pair : pairs) {
    row.seeds.push_back(pair.trial->seed);
    std::vector<double> mine, baselines;
    append_times(pair.rounds, pair.trial->id, mine);
    append_times(pair.baseline_rounds, pair.baseline->id, baselines);
    // A trial that was not timed has no column: no rounds, and nothing to pair the other's with.
    if (matching.paired) mine.resize(std::min(mine.size(), baselines.size()));
    if (matching.paired) baselines.resize(mine.size());
    std::ranges::copy(mine, std::back_inserter(times));
    std::ranges::copy(baselines, std::back_inserter(baseline_times));
    groups.insert(pair.rounds);
    baseline_groups.insert(pair.baseline_rounds);
    share_rounds = share_rounds && interleaved(*pair.trial);
  }
  row.step_time = median(usable(times));
  row.baseline_step_time = median(usable(baseline_times));
  row.noise_floor = larger(noise_floor_of(groups), noise_floor_of(baseline_groups));
  if (matching.paired) {
    for (std::size_t i = 0; i < times.size(); ++i) row.rounds += times[i] > 0 && baseline_times[i] > 0 ? 1U : 0U;
    row.speed = paired_ratio(baseline_times, times);
    if (!share_rounds) row.speed = {row.speed.ratio, kNotANumber, kNotANumber};
    if (times.empty()) compare_medians(pairs, row);
  } else {
    row.rounds = usable(times).size();
    row.speed = unpaired_ratio(baseline_times, times);
  }
  row.verdict = speed_verdict(row.speed, row.noise_floor);
  return row;
}

}  // namespace

std::vector<SpeedRow> compare_speed(const Matching& matching) {
  std::vector<SpeedRow> rows;
  for (const Match& match : matching.matches) {
    const std::span<const TrialPair> pairs = match.pairs;
    for (std::size_t i = 0; i < pairs.size(); ++i) rows.push_back(speed_row(matching, match, pairs.subspan(i, 1)));
    if (pairs.size() > 1) rows.push_back(speed_row(matching, match, pairs));
  }
  return rows;
}

}  // namespace stepbench
