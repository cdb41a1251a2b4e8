// The speed of a row of the table: of a trial, or of its seeds together. Not here: the table around it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/speed_verdict.hpp"
#include "experiments/show/seed_rows.hpp"

namespace stepbench {

/// What a trial is shown with.
struct TimedTrial {
  const TrialRecord* record;
  const GroupRecord* rounds;    // of its group; null where there are none
  const TrialRecord* baseline;  // of its group, maybe itself; null where there is none
};

/// Finds them by a trial's group. The file must outlive it.
class TimedTrials {
 public:
  explicit TimedTrials(const ResultFile& file);
  [[nodiscard]] TimedTrial of(const TrialRecord& record) const;

 private:
  std::map<std::string_view, const GroupRecord*> rounds_;
  std::map<std::string_view, const TrialRecord*> baselines_;
};

/// All numbers of a trial are of one step time, typical_step_time's, where the summary has the median step's: they then
/// agree with each other, and with the ratio. Of several seeds, which are those that the row counts:
/// - the rate is the geometric mean of theirs, ± their geometric standard deviation;
/// - percent of peak is the mean;
/// - the ratio, its interval and the noise floor are of all seeds' rounds together, as if the seeds were one long
///   measurement: how far seeds differ is the rate's ± to tell. A seed whose baseline did not complete is left out.
class ShownSpeed {
 public:
  ShownSpeed(const TableRow& row, const TimedTrials& timed);

  /// Samples or tokens per second with their spread; how it ended, for a row that was not timed.
  [[nodiscard]] std::string rate(double TrialSummary::*per_second) const;
  [[nodiscard]] double percent_of_peak() const;  // NaN for none
  /// Any of the row's trials is beyond what is possible.
  [[nodiscard]] bool above_peak() const;
  /// What the baseline's twin says, of a row that is the baseline; else NaN.
  [[nodiscard]] double baseline_noise_floor() const;
  /// Against the groups' baselines; nothing for the baseline itself, and where there is none.
  [[nodiscard]] const std::optional<SpeedEvidence>& evidence() const { return evidence_; }
  /// For who holds the table's false discovery rate; null where there is none.
  [[nodiscard]] SpeedEvidence* evidence_to_hold() { return evidence_ ? &*evidence_ : nullptr; }
  [[nodiscard]] std::string ratio(double margin) const;
  /// Of a row whose seeds are not all in the ratio: which are not, and why, a line each.
  [[nodiscard]] std::string left_out() const;

 private:
  std::string end_;  // how its trials ended
  std::vector<TimedTrial> trials_, counted_, compared_;
  std::optional<SpeedEvidence> evidence_;
};

/// The mean of a quantity over a row's seeds, with the standard deviation: `0.1516 ±0.0012`; of one seed the number
/// alone, `-` where a seed has none. `format` is of each of the two.
[[nodiscard]] std::string mean_over_seeds(const TableRow& row, double TrialSummary::*quantity,
                                          const char* format = "{:.4f}");

}  // namespace stepbench
