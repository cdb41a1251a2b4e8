// Which trials are held against which: within a file every trial against its group's baseline, between two files every
// trial against the one of the same id. Refuses to match what is not the same experiment, and says what could not be
// matched. Not here: any arithmetic on what was measured.
#pragma once

#include <string>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench::compare {

/// A trial and its baseline: same settings, same seed. All point into the files that were matched; the rounds are null
/// where a trial's group has none.
struct TrialPair {
  const TrialRecord* trial;
  const TrialRecord* baseline;
  const GroupRecord* rounds;
  const GroupRecord* baseline_rounds;
};

/// Pairs that differ in the seed alone.
struct Match {
  std::string settings;         // what the sweep varies besides, `batch_size 32`; empty for nothing
  std::string trial, baseline;  // `tbb-t2`
  std::vector<TrialPair> pairs;
};

struct Matching {
  bool paired = true;  // trial and baseline share rounds: they are of one file
  std::vector<Match> matches;
  std::vector<std::string> unmatched;  // trials without a counterpart, or that did not complete, each with the reason
  std::vector<std::string> notes;      // what the reader should know and need not act on
  std::vector<std::string> warnings;   // what may make the comparison one of something else
};

/// Every trial against its group's baseline: `baseline` names an arm (core/arm.hpp), empty for the one that the file
/// names. Unsupported trials are passed over. Throws InputError when no group has such a trial. `file` must outlive
/// the result.
[[nodiscard]] Matching match_within(const ResultFile& file, const std::string& baseline);

/// Every trial of `file` against the trial of the same id in `baseline`. Throws InputError when none are shared, or
/// when shared ones differ in data, model or training. Both files must outlive the result.
[[nodiscard]] Matching match_between(const ResultFile& file, const ResultFile& baseline);

}  // namespace stepbench::compare
