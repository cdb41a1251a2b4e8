#include "core/speed_verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "core/false_discoveries.hpp"

namespace stepbench {
namespace {

constexpr const char* kRealButInside = "real, but inside the margin";
constexpr double kMostRounds = 1000;    // what one would still run; beyond it only a quieter machine helps
constexpr double kMostProcesses = 100;  // the same

bool has_interval(const RatioEstimate& speed) { return !std::isnan(speed.low) && !std::isnan(speed.high); }

bool excludes_one(const RatioEstimate& speed) { return speed.low > 1 || speed.high < 1; }

bool within(const RatioEstimate& speed, double margin) {
  return speed.low >= 1 / (1 + margin) && speed.high <= 1 + margin;
}

bool outside_floor(const RatioEstimate& speed, double noise_floor) {
  const double limit = std::isnan(noise_floor) ? 1 : 1 + noise_floor;
  return speed.ratio > limit || speed.ratio < 1 / limit;
}

/// In the order in which they are told.
enum class Remedy { turns, alternation, minimum, quiet, chance, rounds, processes, quiet_or_very_many };

/// What would tell, and how much of it.
struct Need {
  Remedy remedy;
  double amount;  // rounds or processes, the noise floor to get below, or the number of comparisons
  std::size_t now;

  [[nodiscard]] std::string text() const {
    switch (remedy) {
      case Remedy::turns:
        return "rounds in turns (unpaired)";
      case Remedy::alternation:
        return "blocks that alternate (measure.interleave = true)";
      case Remedy::minimum:
        return fmt::format("at least {} rounds (measure.rounds)", kMinimumPairs);
      case Remedy::quiet:
        return fmt::format("a quieter machine or more rounds (noise floor {:.1f}%)", 100 * amount);
      case Remedy::chance:
        return fmt::format("more rounds or fewer comparisons (one of {:.0f} may be chance)", amount);
      case Remedy::rounds:
        return fmt::format("about {:.0f} rounds (now {})", amount, now);
      case Remedy::processes:
        return fmt::format("about {:.0f} processes (run --repeat, now {})", amount, now);
      case Remedy::quiet_or_very_many:
        break;
    }
    return fmt::format("a quieter machine (or more than {:.0f} rounds, now {})", kMostRounds, now);
  }
};

/// 123 -> 130.
double rounded_up(double count) {
  const double unit = std::pow(10, std::max(0.0, std::floor(std::log10(count)) - 1));
  return unit * std::ceil(count / unit);
}

/// How many processes have an interval so many times narrower than that of `now`: of few, each one more narrows it by
/// far more than their root, as t falls, too. Infinity: more than anyone would run.
double processes_needed(std::size_t now, double times_narrower) {
  const double allowed = half_width_of_mean(static_cast<double>(now)) / times_narrower;
  for (auto count = static_cast<double>(now); count <= kMostProcesses; ++count) {
    if (half_width_of_mean(count) <= allowed) return count;
  }
  return std::numeric_limits<double>::infinity();
}

/// Of evidence whose verdict is `cannot_tell`.
Need need_of(const SpeedEvidence& evidence, double margin) {
  const auto& [speed, floor, basis, withheld_among] = evidence;
  if (!has_interval(speed)) {
    return {basis == Basis::unpaired          ? Remedy::turns
            : basis == Basis::not_interleaved ? Remedy::alternation
                                              : Remedy::minimum,
            0, speed.pairs};
  }
  if (withheld_among > 0 && excludes_one(speed) && outside_floor(speed, floor)) {
    return {Remedy::chance, static_cast<double>(withheld_among), speed.pairs};
  }
  if (within(speed, margin) || excludes_one(speed)) return {Remedy::quiet, floor, speed.pairs};
  const double distance = std::abs(std::log(speed.ratio)), allowed = std::log(1 + margin);
  double half_width = (std::log(speed.high) - std::log(speed.low)) / 2;
  if (!std::isnan(floor)) half_width = std::max(half_width, std::log(1 + floor));
  const double times_wider = half_width / std::max(allowed - distance, distance);
  if (speed.processes > 1) {  // whose number the width follows, however many rounds each has
    const double processes = processes_needed(speed.processes, times_wider);
    if (processes <= kMostProcesses) return {Remedy::processes, processes, speed.processes};
    return {Remedy::quiet_or_very_many, processes, speed.pairs};
  }
  const double rounds = rounded_up(std::ceil(static_cast<double>(speed.pairs) * (times_wider * times_wider)));
  return {rounds <= kMostRounds ? Remedy::rounds : Remedy::quiet_or_very_many, rounds, speed.pairs};
}

}  // namespace

std::string_view to_text(SpeedVerdict verdict) {
  switch (verdict) {
    case SpeedVerdict::faster:
      return "faster";
    case SpeedVerdict::slower:
      return "slower";
    case SpeedVerdict::same:
      return "same";
    case SpeedVerdict::cannot_tell:
      break;
  }
  return "cannot tell";
}

SpeedVerdict speed_verdict(const RatioEstimate& speed, double noise_floor, double margin) {
  if (!has_interval(speed)) return SpeedVerdict::cannot_tell;
  if (within(speed, margin) && !(noise_floor > margin)) return SpeedVerdict::same;
  if (!excludes_one(speed) || !outside_floor(speed, noise_floor)) return SpeedVerdict::cannot_tell;
  return speed.ratio > 1 ? SpeedVerdict::faster : SpeedVerdict::slower;
}

SpeedVerdict speed_verdict(const SpeedEvidence& evidence, double margin) {
  const SpeedVerdict verdict = speed_verdict(evidence.speed, evidence.noise_floor, margin);
  const bool difference = verdict == SpeedVerdict::faster || verdict == SpeedVerdict::slower;
  return difference && evidence.withheld_among > 0 ? SpeedVerdict::cannot_tell : verdict;
}

std::size_t hold_false_discoveries(std::span<SpeedEvidence* const> table) {
  std::vector<double> p_values;
  for (const SpeedEvidence* row : table) {
    const bool counts = row != nullptr && has_interval(row->speed);
    p_values.push_back(counts ? p_value(row->speed) : std::numeric_limits<double>::quiet_NaN());
  }
  const double told = largest_p_value_told(p_values);
  const auto count = static_cast<std::size_t>(std::ranges::count_if(p_values, [](double p) { return !std::isnan(p); }));
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (!std::isnan(p_values[i])) table[i]->withheld_among = p_values[i] <= told ? 0 : count;
  }
  return count;
}

std::string speed_reason(const SpeedEvidence& evidence, double margin) {
  const auto& [speed, floor, basis, withheld_among] = evidence;
  switch (speed_verdict(evidence, margin)) {
    case SpeedVerdict::same:
      return excludes_one(speed) && outside_floor(speed, floor) && withheld_among == 0 ? kRealButInside
                                                                                       : "inside the margin";
    case SpeedVerdict::faster:
    case SpeedVerdict::slower:
      return std::isnan(floor) ? "the interval excludes 1 (no twin)" : "outside interval and noise floor";
    case SpeedVerdict::cannot_tell:
      break;
  }
  return what_would_tell({&evidence, 1}, margin);
}

std::string speed_finding(const SpeedEvidence& evidence, double margin) {
  const SpeedVerdict verdict = speed_verdict(evidence, margin);
  const std::string reason = speed_reason(evidence, margin);
  const bool told = verdict == SpeedVerdict::cannot_tell || reason == kRealButInside;
  return std::string(to_text(verdict)) + (told ? ": " + reason : "");
}

std::string what_would_tell(std::span<const SpeedEvidence> rows, double margin) {
  std::map<Remedy, Need> needs;
  for (const SpeedEvidence& evidence : rows) {
    if (speed_verdict(evidence, margin) != SpeedVerdict::cannot_tell) continue;
    const Need need = need_of(evidence, margin);
    const auto [place, is_new] = needs.try_emplace(need.remedy, need);
    if (!is_new && need.amount > place->second.amount) place->second = need;
  }
  std::string text;
  for (const auto& [remedy, need] : needs) text += (text.empty() ? "" : "; ") + need.text();
  return text;
}

}  // namespace stepbench
