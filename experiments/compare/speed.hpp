// The speed of a trial against its baseline, from the step times of the rounds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/speed_verdict.hpp"
#include "experiments/compare/match.hpp"

namespace stepbench::compare {

struct SpeedRow {
  std::string settings, trial, baseline;  // as in Match
  std::vector<std::uint64_t> seeds = {};
  bool decides = false;  // the row that answers for its match: the only one, or that of all its seeds
  /// s: geometric means of the rounds' medians, of the rounds that are compared; their ratio is the speed.
  double step_time = kNotANumber, baseline_step_time = kNotANumber;
  /// Above 1: faster than the baseline. The floor is of the rounds used; between two files the larger of both.
  SpeedEvidence evidence = {{kNotANumber, kNotANumber, kNotANumber}, kNotANumber};
  SpeedVerdict verdict = SpeedVerdict::cannot_tell;
  std::string why = {};
};

/// A row per pair, and where a match has several seeds a row of all their rounds together. Within a file the ratio is
/// paired by round, and has no interval when the group was not interleaved, nor for a peer's trial, which shared no
/// rounds; between two files it is Welch's. The verdicts hold the
/// false discovery rate: those that decide among themselves, and those of single seeds beside them.
[[nodiscard]] std::vector<SpeedRow> compare_speed(const Matching& matching, double margin);

}  // namespace stepbench::compare
