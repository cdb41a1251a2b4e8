// Which trials of a file differ in nothing but the seed, and so share a row of its table. Not here: what a row shows.
#pragma once

#include <string>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench {

enum class SeedRows {
  together,  // a row for all seeds
  each       // a row for each
};

/// Trials of different seeds, in the file's order; at least one. `counted` are those that the row's numbers are of.
struct TableRow {
  std::vector<const TrialRecord*> trials, counted;
  std::string block;  // rows of one block stand together
};

struct TableRows {
  std::vector<TableRow> rows;
  /// Some row has several trials. Then only completed ones count, in every row: a seed that diverged or failed is not
  /// averaged with those that did not. Otherwise every trial has a row, and counts.
  bool together = false;
  bool apart_by_machine = false;  // together was asked for, but seeds ran on several machines: their times do not mix
};

/// Arm and settings: equal for trials that differ in the seed alone, if in anything.
[[nodiscard]] std::string identity_but_for_seed(const TrialRecord& trial);

/// `file` must outlive the result.
[[nodiscard]] TableRows table_rows(const ResultFile& file, SeedRows seeds);

/// The trials of a row that did not complete, a line for each different end: `tbb-t1-s2, tbb-t1-s3 failed: reason`.
[[nodiscard]] std::string unfinished_lines(const TableRow& row);

}  // namespace stepbench
