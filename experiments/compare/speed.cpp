#include "experiments/compare/speed.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>

#include "core/results/step_times.hpp"
#include "experiments/compare/same_experiment.hpp"

namespace stepbench::compare {
namespace {

/// The larger; a NaN says nothing.
double larger(double a, double b) { return std::isnan(a) ? b : std::isnan(b) ? a : std::max(a, b); }

bool is_time(double seconds) { return std::isfinite(seconds) && seconds > 0; }

bool interleaved(const TrialRecord& trial) { return text_of(trial.settings, "measure.interleave") != "false"; }

/// Step times of one side, and the process that took each; no processes: one took all.
struct Times {
  std::vector<double> seconds;
  std::vector<std::int64_t> processes;

  void add(double time, const std::vector<std::int64_t>& of, std::size_t round) {
    seconds.push_back(time);
    if (!of.empty()) processes.push_back(of[round]);
  }
};

/// To be held against each other: of rounds, an entry per round that both have where they are paired.
struct BothTimes {
  Times own, baseline;
};

BothTimes times_of_rounds(const Matching& matching, std::span<const TrialPair> pairs) {
  BothTimes times;
  for (const TrialPair& pair : pairs) {
    const std::vector<double> own = round_times(pair.rounds, pair.trial->id);
    const std::vector<double> baseline = round_times(pair.baseline_rounds, pair.baseline->id);
    const std::vector<std::int64_t> processes = round_processes(pair.rounds),
                                    baseline_processes = round_processes(pair.baseline_rounds);
    const auto counts = [&](std::size_t r) {
      return !matching.paired || (r < std::min(own.size(), baseline.size()) && is_time(own[r]) && is_time(baseline[r]));
    };
    for (std::size_t r = 0; r < own.size(); ++r) {
      if (is_time(own[r]) && counts(r)) times.own.add(own[r], processes, r);
    }
    for (std::size_t r = 0; r < baseline.size(); ++r) {
      if (is_time(baseline[r]) && counts(r)) times.baseline.add(baseline[r], baseline_processes, r);
    }
  }
  return times;
}

BothTimes typical_times(std::span<const TrialPair> pairs) {
  BothTimes times;
  for (const TrialPair& pair : pairs) {
    times.own.seconds.push_back(typical_step_time(pair.rounds, *pair.trial));
    times.baseline.seconds.push_back(typical_step_time(pair.baseline_rounds, *pair.baseline));
  }
  return times;
}

SpeedRow speed_row(const Matching& matching, const Match& match, std::span<const TrialPair> pairs) {
  SpeedRow row{.settings = match.settings, .trial = match.trial, .baseline = match.baseline};
  row.decides = pairs.size() == match.pairs.size();
  std::set<const GroupRecord*> groups, baseline_groups;
  bool share_rounds = true;
  for (const TrialPair& pair : pairs) {
    row.seeds.push_back(pair.trial->seed);
    groups.insert(pair.rounds);
    baseline_groups.insert(pair.baseline_rounds);
    share_rounds = share_rounds && interleaved(*pair.trial);
  }
  SpeedEvidence& evidence = row.evidence;
  evidence.noise_floor = larger(noise_floor_of(groups), noise_floor_of(baseline_groups));
  BothTimes times = times_of_rounds(matching, pairs);
  auto& [own, baseline] = times;
  if (own.seconds.empty() || baseline.seconds.empty()) {
    times = typical_times(pairs);
    evidence.speed = {paired_ratio(baseline.seconds, own.seconds).ratio, kNotANumber, kNotANumber};
    if (!std::isnan(evidence.speed.ratio)) evidence.basis = Basis::unpaired;
  } else if (!matching.paired) {
    evidence.speed = unpaired_ratio(baseline.seconds, own.seconds, baseline.processes, own.processes);
  } else {
    evidence.speed = paired_ratio(baseline.seconds, own.seconds, own.processes);
    if (!share_rounds) {
      evidence.speed = {evidence.speed.ratio, kNotANumber, kNotANumber, evidence.speed.pairs};
      evidence.basis = Basis::not_interleaved;
    }
  }
  row.step_time = geometric_mean(own.seconds);
  row.baseline_step_time = geometric_mean(baseline.seconds);
  return row;
}

}  // namespace

std::vector<SpeedRow> compare_speed(const Matching& matching, double margin) {
  std::vector<SpeedRow> rows;
  for (const Match& match : matching.matches) {
    const std::span<const TrialPair> pairs = match.pairs;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      rows.push_back(speed_row(matching, match, pairs.subspan(i, 1)));
    }
    if (pairs.size() > 1) rows.push_back(speed_row(matching, match, pairs));
  }
  std::vector<SpeedEvidence*> of_matches, of_seeds;  // two tables in one: the seeds' rows say the same in parts
  for (SpeedRow& row : rows) (row.decides ? of_matches : of_seeds).push_back(&row.evidence);
  hold_false_discoveries(of_matches);
  hold_false_discoveries(of_seeds);
  for (SpeedRow& row : rows) {
    row.verdict = speed_verdict(row.evidence, margin);
    row.why = speed_reason(row.evidence, margin);
  }
  return rows;
}

}  // namespace stepbench::compare
