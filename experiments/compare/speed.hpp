// The speed of a trial against its baseline, from the step times of the rounds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/statistics.hpp"
#include "experiments/compare/match.hpp"

namespace stepbench {

struct SpeedRow {
  std::string settings, trial, baseline;  // as in Match
  std::vector<std::uint64_t> seeds = {};
  bool decides = false;    // the row that answers for its match: the only one, or that of all its seeds
  std::size_t rounds = 0;  // in which the trial (and, where paired, the baseline) was timed
  double step_time = kNotANumber, baseline_step_time = kNotANumber;  // s, median of the rounds' medians
  RatioEstimate speed = {kNotANumber, kNotANumber, kNotANumber};     // above 1: faster than the baseline
  double noise_floor = kNotANumber;  // of the rounds used; between two files the larger of both; NaN: no twin
  SpeedVerdict verdict = SpeedVerdict::no_verdict;
  bool unpaired = false;  // within a file: a peer's trial, which shared no rounds; the ratio is of the medians
};

/// A row per pair, and where a match has several seeds a row of all their rounds together. Within a file the ratio is
/// paired by round, and has no interval when the group was not interleaved; between two files it is Welch's.
[[nodiscard]] std::vector<SpeedRow> compare_speed(const Matching& matching);

}  // namespace stepbench
