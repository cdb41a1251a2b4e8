// A group between two rounds: what it takes to go on from there, in another process, as if nothing had been in between.
// How it lies on disk is experiments/run/checkpoint.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "core/results/trial_record.hpp"
#include "experiments/measure/trial_run.hpp"

namespace stepbench {

struct MemberState {
  TrialRecord record;                // as far as it has come; final where there is no state
  std::optional<TrialState> state;   // none: it failed, or is unsupported
  double peak_gflops = kNotANumber;  // Peaks::of_trial so far
};

struct GroupState {
  std::vector<MemberState> trials;  // in the group's order, then the baseline's twin
  /// R rounds of M trials as they will be; where nothing was trained yet, times are NaN. Its environments are the
  /// caller's to say: one for each segment so far.
  GroupRecord rounds;
  std::int64_t blocks = 0;  // trained so far, of all_blocks(), in the order in which they are trained

  [[nodiscard]] std::int64_t all_blocks() const { return rounds.rounds() * std::ssize(rounds.trials); }

  /// nullptr when there is none.
  [[nodiscard]] const MemberState* find(std::string_view id) const {
    for (const MemberState& trial : trials) {
      if (trial.record.id == id) return &trial;
    }
    return nullptr;
  }
};

/// What becomes of a group's state while it runs.
struct Checkpoints {
  std::optional<GroupState> from = {};                     // to go on from here; none: from the start
  std::function<void(GroupState)> publish = {};            // none: any signal stops the group after the step
  double every = std::numeric_limits<double>::infinity();  // s
};

}  // namespace stepbench
