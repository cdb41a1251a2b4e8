// How small a difference in speed a measurement can find, and how many rounds it takes. To find one is to have a ratio
// whose interval excludes 1 and which lies outside the noise floor, on the side where the difference is: what
// speed_verdict.hpp asks before it says faster or slower. The margin is no part of it: a difference can be found and
// yet be too small to matter. Not here: how the rounds are measured.
#pragma once

#include <cstdint>
#include <span>

#include "core/speed_verdict.hpp"

namespace stepbench {

/// Of so many runs that look for a difference as large, this share finds it, where nobody says otherwise.
inline constexpr double kUsualPower = 0.9;
/// What may be asked for: less is no plan, more than a thousand simulations can tell.
inline constexpr double kLeastPower = 0.5, kMostPower = 0.99;
/// The difference to plan for, where nobody says otherwise.
inline constexpr double kUsualDetect = 0.02;
/// Rounds of a pilot: enough for an interval, and for a standard deviation known to a fifth (1 / sqrt(2 * 11)).
inline constexpr std::int64_t kPilotRounds = 12;

/// The difference, as a share (0.02 is 2%), that a run like the one of this evidence would find with so much power:
/// what its interval's half width or its noise floor asks, the larger, and as much more as the ratio varies. Where the
/// table has several comparisons, the interval is that of 1 - 0.05/comparisons, so that the difference is told whatever
/// the others say (false_discoveries.hpp). NaN without an error.
[[nodiscard]] double smallest_difference(const SpeedEvidence& evidence, std::size_t comparisons,
                                         double power = kUsualPower);

/// How the rounds of a comparison vary: of the logarithms of what is compared in a round.
struct RoundNoise {
  double deviation, correlation;            // rival over baseline: standard deviation, and of neighbouring rounds
  double twin_deviation, twin_correlation;  // baseline over twin; NaN: no twin
  double together;                          // correlation of the two in a round
  double standing;  // by how much the twin is off whatever the number of rounds: their difference, where it is sure
};

/// As a pilot's rounds show it; the spans are equally long, `twin` may be empty. A dozen rounds do not know their own
/// variance: taken is the upper end of its 80% confidence interval, so that four plans of five have the power that they
/// promise (Browne 1995, Statistics in Medicine 14: a plan by the variance itself has it in half of the cases). NaN in
/// `deviation` where fewer than kMinimumPairs rounds count.
[[nodiscard]] RoundNoise round_noise(std::span<const double> baseline, std::span<const double> rival,
                                     std::span<const double> twin);

/// More rounds than one would run: beyond them, only a quieter machine helps.
inline constexpr std::int64_t kMostPlannedRounds = 2000;

/// The difference that so many rounds find with so much power, as a share; infinity where `rounds` are too few for an
/// interval. It is told by simulation: the verdict's own rule, intervals and noise floor and all, on rounds drawn to
/// vary like these, with the same draws each time it is asked.
[[nodiscard]] double detectable(const RoundNoise& noise, std::int64_t rounds, std::size_t comparisons, double power);

/// The fewest rounds in which `detectable` is at most `difference`; 0 where kMostPlannedRounds are too few.
[[nodiscard]] std::int64_t rounds_to_detect(const RoundNoise& noise, double difference, std::size_t comparisons,
                                            double power);

}  // namespace stepbench
