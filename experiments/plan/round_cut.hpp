// How the steps of a training are cut into rounds: a fixed number of equal ones, or (measure.rounds = auto) the short
// ones of a pilot and then those that are planned from how it varied. Not here: the planning (measure/round_plan.hpp).
#pragma once

#include <cstdint>

#include "core/settings.hpp"

namespace stepbench {

class RoundCut {
 public:
  /// Of a trial of `total_steps`; of auto, at least least_steps_for_auto.
  RoundCut(const MeasureSettings& measure, std::int64_t total_steps);

  [[nodiscard]] std::int64_t rounds() const { return pilot_rounds_ + after_; }
  [[nodiscard]] std::int64_t total_steps() const { return total_; }
  [[nodiscard]] std::int64_t steps_of(std::int64_t round) const;

  /// 0 where rounds are not planned.
  [[nodiscard]] std::int64_t pilot_rounds() const { return pilot_rounds_; }
  [[nodiscard]] bool is_pilot(std::int64_t round) const { return round < pilot_rounds_; }
  /// Steps of a pilot's block; no block is shorter, as nobody knows how those would vary.
  [[nodiscard]] std::int64_t pilot_steps() const { return pilot_steps_; }
  /// Rounds that the steps after the pilot have, of blocks as long as the pilot's.
  [[nodiscard]] std::int64_t room() const;

  /// The pilot's rounds are all that there are so far.
  [[nodiscard]] bool awaits_plan() const { return pilot_rounds_ > 0 && after_ == 0; }
  /// Cuts the steps after the pilot, once, into so many rounds: from 1 to room().
  void plan(std::int64_t rounds);

 private:
  std::int64_t total_, pilot_rounds_ = 0, pilot_steps_ = 0;
  std::int64_t after_ = 0;  // rounds after the pilot, or all of them
};

/// Rounds after the pilot of each of so many seeds, which share `needed`: as many as an interval takes at least.
[[nodiscard]] std::int64_t planned_rounds(std::int64_t needed, std::int64_t seeds);
/// Steps that a training has at least for a pilot and so many rounds after it.
[[nodiscard]] std::int64_t steps_for_rounds(const MeasureSettings& measure, std::int64_t rounds);
/// The same for as many rounds as an interval takes, without which nothing is planned.
[[nodiscard]] std::int64_t least_steps_for_auto(const MeasureSettings& measure);

}  // namespace stepbench
