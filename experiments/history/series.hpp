// What several result files say of the same trials, file by file: each file's own ratio to a common baseline, paired by
// its own rounds, and the percent of its own machine's peak. Both may be held against each other over commits and
// dates; step times only where all files are of one machine. Not here: what changed from file to file (changes.hpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/results/trial_record.hpp"
#include "core/speed_verdict.hpp"

namespace stepbench::history {

/// A result file, and what it is called in messages and tables.
struct NamedFile {
  std::string name;
  ResultFile results;
};

/// A trial in one file, all its seeds together.
struct Point {
  SpeedEvidence speed;  // over the file's own baseline; above 1 is faster
  double percent_of_peak = kNotANumber, baseline_percent_of_peak = kNotANumber;  // %, of the file's own machine
  double step_time = kNotANumber, baseline_step_time = kNotANumber;              // s
  std::vector<std::uint64_t> seeds = {};
};

/// A trial over the files.
struct Series {
  std::string settings;         // what differs besides between the series, `batch_size 32`; empty for nothing
  std::string trial, baseline;  // `tbb-t2`
  std::vector<std::optional<Point>> points;  // by file; nothing where the file has no such trial
};

/// `tbb-t2 (batch_size 32)`
[[nodiscard]] std::string name_of(const Series& series);

struct SeriesOfFiles {
  std::vector<Series> series = {};  // in the order in which the files bring them
  bool one_machine = false;         // all files are of the same one, so that step times may be compared
  std::vector<std::string> not_compared =
      {};  // trials that did not complete, or have no baseline, with file and reason
  std::vector<std::string> warnings = {};
};

/// `baseline` names an arm that every file has (core/arm.hpp), empty for the files' own. Throws InputError with a line
/// that names the file when one is given twice, has another baseline, has no trial in common with those before it, or
/// was trained on other data.
[[nodiscard]] SeriesOfFiles series_of(const std::vector<NamedFile>& files, const std::string& baseline);

}  // namespace stepbench::history
