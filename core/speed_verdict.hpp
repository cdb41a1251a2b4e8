// The verdict on speed: what a ratio of speeds, its interval and the noise floor say together, and where they cannot
// tell, what would. scripts/stepbench_report/speed_verdict.py has the same rule; tests/compare holds the two together.
// Not here: how the ratio was measured, and when a slowdown is a failure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/statistics.hpp"

namespace stepbench {

/// How large a difference in speed is still none: two builds of one source, or one program started twice, differ by a
/// percent or two, and few people would change a backend for less than 5 %.
inline constexpr double kSpeedMargin = 0.05;

enum class SpeedVerdict { faster, slower, same, cannot_tell };
[[nodiscard]] std::string_view to_text(SpeedVerdict verdict);  // "faster", ..., "cannot tell"

/// Of a ratio of speeds, above 1 is faster:
/// - same: the interval lies within 1/(1+margin) .. 1+margin, and so does the noise floor;
/// - faster, slower: the interval excludes 1, and the ratio lies outside the noise floor;
/// - cannot tell: anything else, and whatever has no interval.
/// NaN for the floor means that there was no twin: then it plays no part.
[[nodiscard]] SpeedVerdict speed_verdict(const RatioEstimate& speed, double noise_floor, double margin);

/// What a ratio is of: rounds, which the two share or which are of two files; rounds whose blocks did not alternate; or
/// the medians of all steps, where one of them has no rounds, as a peer's trial, which was added from outside.
enum class Basis { rounds, not_interleaved, unpaired };

/// What a verdict rests on.
struct SpeedEvidence {
  RatioEstimate speed;
  double noise_floor;  // NaN: no twin
  Basis basis = Basis::rounds;
  /// How many comparisons its table makes, where the false discovery rate keeps this one from being told as a
  /// difference (hold_false_discoveries); else 0.
  std::size_t withheld_among = 0;
};

/// The same of evidence: what would be faster or slower, and is withheld, cannot be told.
[[nodiscard]] SpeedVerdict speed_verdict(const SpeedEvidence& evidence, double margin);

/// Withholds those of a table's comparisons that may not be told as differences (false_discoveries.hpp); returns how
/// many comparisons there are, which are those that have an interval. Null stands for a row without a ratio.
std::size_t hold_false_discoveries(std::span<SpeedEvidence* const> table);

/// Why the verdict is what it is, in a few words; where it cannot tell, what would.
[[nodiscard]] std::string speed_reason(const SpeedEvidence& evidence, double margin);

/// The verdict for a table's cell, with the reason where a reader has to know it: `faster`, `same`, `same: real, but
/// inside the margin`, `cannot tell: about 40 rounds (now 12)`.
[[nodiscard]] std::string speed_finding(const SpeedEvidence& evidence, double margin);

/// What would tell where these cannot: `about 40 rounds (now 12)`, `a quieter machine or more rounds (noise floor
/// 30.0%)`. Each kind of remedy once, as the one that needs most of it needs it, so that a table of many rows has one
/// short answer. Empty when none of them is in doubt.
///
/// The number of rounds follows from the interval's width, which falls with 1/sqrt(rounds), and with it the noise
/// floor's, until the interval either lies within the margin or leaves 1 out.
[[nodiscard]] std::string what_would_tell(std::span<const SpeedEvidence> rows, double margin);

}  // namespace stepbench
