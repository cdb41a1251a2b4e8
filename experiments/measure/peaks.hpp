// The limits that trials are held against, taken again and again while a run goes on.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/results/trial_record.hpp"
#include "experiments/plan/plan.hpp"

namespace stepbench {

/// Cores that compute at the same time: so many, wherever the system puts the threads, or these CPUs, for a trial whose
/// threads are held on them.
struct Cores {
  int count = 1;
  std::vector<int> cpus = {};  // none, or as many
  auto operator<=>(const Cores&) const = default;
};

/// Beyond any cache but the largest servers', and a tenth of a second.
inline constexpr double kMostTriadBytes = 512e6;

/// The takes of a whole run, which its groups share: a sweep of many small groups would spend its time on nothing else,
/// were each measured before and after.
class PeakHistory {
 public:
  struct Take {
    Precision precision;
    std::map<Cores, double> fma;  // GFLOP/s
    double gemm;                  // GFLOP/s on all cores
    std::chrono::steady_clock::time_point begin, end;
  };

  /// Measures the FMA peak of each of these cores and a large GEMM on all cores, about a tenth of a second;
  /// nothing, and nullptr, when the last such take is so recent that measuring would take more than a tenth of the
  /// time. A peak is NaN where the threads or the memory for it cannot be had. The pointer holds until the next call.
  const Take* take_if_due(const std::set<Cores>& cores, Precision precision);

  /// GB/s of a triad over as many bytes as a step touches, at most kMostTriadBytes, on these cores: the best of what
  /// was measured of them for so many bytes; measured again as take_if_due does. NaN when it cannot be had.
  [[nodiscard]] double bandwidth(const Cores& cores, double bytes);

  /// GFLOP/s of these cores, the best of the takes that ended at `since` or later, and of the last one before; NaN
  /// when none could be had.
  [[nodiscard]] double best(const Cores& cores, Precision precision, std::chrono::steady_clock::time_point since) const;

 private:
  [[nodiscard]] bool is_due(const std::set<Cores>& cores, Precision precision) const;
  std::deque<Take> takes_;
  struct BandwidthTake {
    double best;  // GB/s
    std::chrono::steady_clock::duration took;
    std::chrono::steady_clock::time_point end;
  };
  std::map<std::pair<Cores, std::size_t>, BandwidthTake> bandwidths_;  // by cores and bytes
};

/// One group's use of it.
class Peaks {
 public:
  Peaks(const PlannedGroup& group, PeakHistory& history);

  /// Instead of what was taken so far: the takes of the rounds before a checkpoint, of which there were `count`.
  void restore(const GroupRecord& rounds, std::size_t count);
  /// What of_trial said before a checkpoint; it says no less from now on.
  void restore(const TrialSettings& trial, double peak);

  /// Before a round, and after the last.
  void take_if_due();

  /// FMA peak, GFLOP/s, of the trial's cores: of the CPUs it is pinned to, or as many as it has threads: the best of
  /// the takes of half a minute before the group until now. What disturbs a take lowers it, and a limit is what can be
  /// reached at all.
  [[nodiscard]] double of_trial(const TrialSettings& trial) const;

  /// Bandwidth, GB/s, that the trial's cores have over as many bytes as its steps touch.
  [[nodiscard]] double bandwidth_of_trial(const TrialSettings& trial, double touched_bytes) const;

  /// The takes into the record of a group of `count` rounds, NaN where there was none (yet): the last was after the
  /// last round, the others before a round each.
  void write(GroupRecord& rounds, std::size_t count) const;

 private:
  PeakHistory& history_;
  Precision precision_;
  std::set<Cores> cores_;  // that the trials use, and all
  std::chrono::steady_clock::time_point begin_;
  std::vector<double> fma_, gemm_;   // on all cores, by call
  std::map<Cores, double> earlier_;  // before a checkpoint, GFLOP/s
};

}  // namespace stepbench
