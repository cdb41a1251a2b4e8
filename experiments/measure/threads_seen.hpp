// The threads of a trial as its blocks show them: how many of them worked, and whether they were held on its CPUs. Not
// here: which CPUs those are to be (machine/places.hpp).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/affinity.hpp"
#include "core/results/trial_record.hpp"
#include "core/settings.hpp"
#include "experiments/machine/thread_times.hpp"

namespace stepbench {

class ThreadsSeen {
 public:
  /// `trial` outlives it.
  explicit ThreadsSeen(const TrialSettings& trial) : trial_(trial) {}

  /// At the end of a block, under its claim: notes in `record` what is known then, `threads_observed` and `cpus`; a
  /// trial that was not pinned in one of its blocks was not. `before`: thread_times(processes) at the block's
  /// beginning; `processes`: those that train, as of TrialRun.
  void see_block(const std::map<std::string, ThreadTimes>& before, std::span<const pid_t> processes,
                 const ThreadClaim& claim, TrialRecord& record);
  /// Instead of all that was seen so far.
  void restore(std::vector<std::int64_t> by_block) { by_block_ = std::move(by_block); }

  /// That worked in each block; 0, which is unknown, where some of them ran on another machine.
  [[nodiscard]] const std::vector<std::int64_t>& by_block() const { return by_block_; }
  /// In the middle one of the blocks, by that number, which speaks for all: in one of them may work what an earlier
  /// block left running. 0: there was none yet.
  [[nodiscard]] std::int64_t in_middle_block() const;

 private:
  const TrialSettings& trial_;
  std::vector<std::int64_t> by_block_;
};

}  // namespace stepbench
