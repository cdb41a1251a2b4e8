#include "experiments/plan/round_cut.hpp"

#include <algorithm>
#include <cmath>

#include "core/detection.hpp"
#include "experiments/plan/trial_steps.hpp"

namespace stepbench {
namespace {

/// Steps of a pilot's block, of which some count at least, as fewer have no median to speak of. It grows with the root
/// of the training's, so that a longer training has both more rounds and longer, quieter ones: of 2,400 steps 24, and
/// room for 88 rounds after the pilot; of 24,000 steps 77, and room for 299.
std::int64_t pilot_block(const MeasureSettings& measure, std::int64_t total_steps) {
  constexpr std::int64_t kCounted = 8;
  const auto half_root = static_cast<std::int64_t>(std::sqrt(static_cast<double>(total_steps)) / 2);
  return std::max(measure.warmup_steps + kCounted, half_root);
}

}  // namespace

RoundCut::RoundCut(const MeasureSettings& measure, std::int64_t total_steps) : total_(total_steps) {
  if (measure.rounds != kAutomaticRounds) {
    after_ = rounds_of_trial(measure, total_steps);
    return;
  }
  pilot_rounds_ = kPilotRounds;
  pilot_steps_ = pilot_block(measure, total_steps);
}

std::int64_t RoundCut::steps_of(std::int64_t round) const {
  if (is_pilot(round)) return pilot_steps_;
  return steps_of_round(total_ - pilot_rounds_ * pilot_steps_, after_, round - pilot_rounds_);
}

std::int64_t RoundCut::room() const { return pilot_steps_ == 0 ? 0 : total_ / pilot_steps_ - pilot_rounds_; }

void RoundCut::plan(std::int64_t rounds) { after_ = std::clamp<std::int64_t>(rounds, 1, room()); }

std::int64_t planned_rounds(std::int64_t needed, std::int64_t seeds) {
  return std::max((needed + seeds - 1) / seeds, static_cast<std::int64_t>(kMinimumPairs));
}

std::int64_t steps_for_rounds(const MeasureSettings& measure, std::int64_t rounds) {
  const std::int64_t all = kPilotRounds + rounds;
  std::int64_t steps = all * pilot_block(measure, 0);
  while (steps < all * pilot_block(measure, steps)) steps = all * pilot_block(measure, steps);
  return steps;
}

std::int64_t least_steps_for_auto(const MeasureSettings& measure) {
  return steps_for_rounds(measure, static_cast<std::int64_t>(kMinimumPairs));
}

}  // namespace stepbench
