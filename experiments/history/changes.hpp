// Where a series changes: the ratio of one file held against that of another. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "experiments/history/series.hpp"

namespace stepbench::history {

/// A series from one file to a later one. `from` and `to` are places among the files.
struct Change {
  std::size_t series, from, to;
  SpeedEvidence evidence;  // the later ratio over the earlier one; above 1 is faster
  SpeedVerdict verdict = SpeedVerdict::cannot_tell;
  bool is_change_point = false;
};

/// The change from one ratio to another that shares no rounds with it. With s the half width of an interval of a
/// logarithm, the difference's is sqrt(s1^2 + s2^2): the errors of two runs are independent. The noise floor is the
/// larger of both; there is no interval where one of them has none.
[[nodiscard]] SpeedEvidence change_between(const SpeedEvidence& before, const SpeedEvidence& after);

/// A change point: `faster` or `slower` by the rule for any two speeds (core/speed_verdict.hpp), so that the interval
/// excludes 1 and the ratio is outside the noise floor; and the ratio is outside the margin, too. Within it a real
/// change is told by its verdict alone: few people would act on it. scripts/stepbench_report/history.py has the same
/// rule; tests/compare holds the two together.
[[nodiscard]] bool is_change_point(const SpeedEvidence& change, double margin);

/// Of every series each file that has it against the one before that has it.
[[nodiscard]] std::vector<Change> consecutive_changes(const SeriesOfFiles& history, double margin);

/// Of every series that at least three files have, the last against the first: many small changes of one direction are
/// no change point each, and one together.
[[nodiscard]] std::vector<Change> changes_over_all(const SeriesOfFiles& history, double margin);

}  // namespace stepbench::history
