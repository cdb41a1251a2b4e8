// The blocks of a group, round by round, and the checkpoints between them. Who the members are, and what is said of
// them in the end, is group_run.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/results/trial_record.hpp"
#include "experiments/machine/block_counters.hpp"
#include "experiments/machine/noise_watch.hpp"
#include "experiments/machine/resident.hpp"
#include "experiments/measure/group_state.hpp"
#include "experiments/measure/peaks.hpp"
#include "experiments/measure/trial_run.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/plan/round_cut.hpp"
#include "experiments/terminal/progress.hpp"

namespace stepbench {

/// A trial of the group that is being trained, or the baseline's twin.
struct Member {
  std::size_t index;  // of its record
  const PlannedTrial* planned;
  std::unique_ptr<TrialRun> run;  // nullptr: it failed, and keeps its column
  TrialMemory memory = TrialMemory();
};

/// Ends the trial's record.
void record_failure(TrialRecord& record, FailureCause cause, const std::string& message, Progress& progress);

/// (R, M) vectors are row-major.
class Rounds {
 public:
  /// All outlive it, but the state to go on from, where `checkpoints` has one; then `members` are those of its rounds,
  /// restored.
  Rounds(const PlannedGroup& group, std::vector<Member>& members, std::vector<TrialRecord>& records, PeakHistory& peaks,
         const Checkpoints& checkpoints, Progress& progress);

  /// Trains all members to their end; where measure.rounds = auto, plans the rounds between the pilot's last and the
  /// next. False when a signal came in between: the last block is whole only where it let the round come to its end.
  [[nodiscard]] bool run();

  [[nodiscard]] const Peaks& peaks() const { return peaks_; }

  /// The segment of each of the member's rounds, as GroupRecord has it.
  [[nodiscard]] std::vector<std::int64_t> segments_of(std::size_t member) const;

  /// What was seen of the blocks, into the group's record.
  void write(GroupRecord& rounds) const;

 private:
  struct Turn {
    std::size_t member;
    std::int64_t round;
    std::size_t place;  // in the round
  };

  void restore(const GroupState& state);
  [[nodiscard]] std::size_t count() const { return static_cast<std::size_t>(cut_.rounds()); }
  /// Once the pilot is through: cuts the rest of the steps, and makes room for their rounds.
  void plan_rest();
  void set_plan(const RoundPlan& plan);
  /// Makes the arrays as long as the rounds.
  void make_room();
  /// Of a block, in the unit of Progress.
  [[nodiscard]] double work_of(std::int64_t round) const;
  [[nodiscard]] Turn turn_of(std::size_t block) const;
  void train(const Turn& turn);
  /// False when it is to go no further.
  [[nodiscard]] bool pass_boundary();
  [[nodiscard]] GroupState state() const;
  [[nodiscard]] std::vector<std::int64_t> disturbances() const;

  const PlannedGroup& group_;
  std::vector<Member>& members_;
  RoundCut cut_;
  RoundPlan plan_;
  bool interleaved_;
  std::vector<TrialRecord>& records_;
  const Checkpoints& checkpoints_;
  Progress& progress_;
  Peaks peaks_;
  NoiseWatch watch_;
  BlockCounters counters_;
  std::vector<std::int64_t> position_;  // (R, M)
  std::vector<double> step_time_;       // (R, M), s
  std::vector<double> pilot_time_;      // (R, M), s; empty without a pilot
  std::vector<BlockNoise> noise_;       // (R, M)
  std::vector<CounterValues> counted_;  // (R, M)
  std::vector<std::int64_t> segment_;   // (R, M)
  std::int64_t segments_before_ = 0;
  std::size_t done_ = 0;  // blocks
  std::chrono::steady_clock::time_point saved_ = std::chrono::steady_clock::now();
};

}  // namespace stepbench
