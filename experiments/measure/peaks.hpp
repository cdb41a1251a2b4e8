// The limits that a group's trials are held against, taken again and again while the group runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

#include "core/results/trial_record.hpp"
#include "experiments/plan.hpp"

namespace stepbench {

class Peaks {
 public:
  /// For each number of cores that the group's trials use, and for all cores of the machine.
  explicit Peaks(const PlannedGroup& group);

  /// Before a round: measures the FMA peaks and a large GEMM on all cores, about a tenth of a second, unless the last
  /// time is so recent that measuring would take more than a tenth of the group's time.
  void take_if_due();
  /// Before the first round, and after the last.
  void take();

  /// FMA peak, GFLOP/s, of as many cores as the trial has threads: the best of the takes. What disturbs a take lowers
  /// it, and a limit is what can be reached at all.
  [[nodiscard]] double of_trial(const TrialSettings& trial) const;

  /// The takes into the group's record: the last one was after the last round, the others before a round each.
  void write(GroupRecord& rounds) const;

 private:
  Precision precision_;
  std::map<int, std::vector<double>> fma_;  // by number of cores
  std::vector<double> gemm_;                // on all; NaN where it was not taken, as in fma_
  std::chrono::steady_clock::time_point last_end_{};
  std::chrono::duration<double> last_duration_{};
};

}  // namespace stepbench
