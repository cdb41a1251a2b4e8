#include "experiments/race/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "core/speed_verdict.hpp"
#include "experiments/show/speed_margin.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/text_table.hpp"

namespace stepbench::race {
namespace {

const std::string kNothing = "-";

/// The mean that has the ratio beside it.
std::string time_text(std::span<const double> rounds) {
  const double mean = geometric_mean(rounds);
  return std::isnan(mean) ? kNothing : fmt::format("{:.4g} ms", 1e3 * mean);
}

std::string speed_text(const RatioEstimate& speed) {
  if (std::isnan(speed.ratio)) return kNothing;
  if (std::isnan(speed.low)) return fmt::format("{:.3f}x", speed.ratio);
  return fmt::format("{:.3f}x [{:.3f}, {:.3f}]", speed.ratio, speed.low, speed.high);
}

bool same(double first, double second) {  // as bits: NaN equals itself
  return std::bit_cast<std::uint64_t>(first) == std::bit_cast<std::uint64_t>(second);
}

}  // namespace

std::string to_text(const BitsDifference& difference) {
  const auto& [kind, step, first, second] = difference;
  switch (kind) {
    case BitsDifference::Kind::losses:
      return fmt::format("losses part at step {} ({:.9g} and {:.9g})", step, first, second);
    case BitsDifference::Kind::length:
      return fmt::format("{} steps and {}", first, second);
    case BitsDifference::Kind::own_twin:
      return "OLD differs from its own twin";
    case BitsDifference::Kind::parameters:
      break;
  }
  return "same losses, other parameters";
}

std::optional<BitsDifference> bits_difference(const Trajectory& first, const Trajectory& second) {
  using enum BitsDifference::Kind;
  const auto [a, b] = std::ranges::mismatch(first.losses, second.losses, same);
  if (a != first.losses.end() && b != second.losses.end()) {
    return BitsDifference{losses, static_cast<std::size_t>(a - first.losses.begin()), *a, *b};
  }
  if (first.losses.size() != second.losses.size()) {
    return BitsDifference{length, 0, static_cast<double>(first.losses.size()),
                          static_cast<double>(second.losses.size())};
  }
  if (first.digest == second.digest) return std::nullopt;
  return BitsDifference{parameters};
}

std::string table(std::span<const TrialRace> races, double margin) {
  TextTable table;
  table.add_column("trial", TextTable::Align::left);
  for (const char* heading : {"OLD step", "NEW step", "speed of NEW [95%]", "noise"}) table.add_column(heading);
  for (const char* heading : {"verdict", "same bits"}) table.add_column(heading, TextTable::Align::left);
  std::string failures;
  for (const TrialRace& race : races) {
    if (!race.failure.empty()) {
      table.add_row({race.id, kNothing, kNothing, kNothing, kNothing, "failed", kNothing});
      failures += fmt::format("{} failed: {}\n", race.id, race.failure);
      continue;
    }
    const double noise = race.noise();
    table.add_row({race.id, time_text(race.old_times), time_text(race.new_times), speed_text(race.speed()),
                   std::isnan(noise) ? kNothing : fmt::format("±{:.1f}%", 100 * noise),
                   speed_finding({race.speed(), noise}, margin),
                   race.difference ? "no: " + to_text(*race.difference) : "yes"});
  }
  return fmt::format(
      "{}\n{}speed: of NEW against OLD, above 1 is faster; paired by round. noise: by how much OLD may seem to differ "
      "from its own twin.\nsame: the interval lies within {}, and so does the noise; else faster, slower: the interval "
      "excludes 1, and the speed is\noutside the noise. More rounds: --set measure.rounds=40, --repeat 4.\n",
      table.text(), failures.empty() ? "" : failures + "\n", margin_percent(margin));
}

int exit_code(std::span<const TrialRace> races, std::optional<double> limit) {
  if (std::ranges::any_of(races, [](const TrialRace& race) { return !race.failure.empty(); })) return kExitGateFailed;
  if (!limit) return kExitOk;
  const auto any = [&](compare::LimitVerdict verdict) {
    return std::ranges::any_of(races, [&](const TrialRace& race) {
      return compare::check_limit({race.speed(), race.noise()}, *limit) == verdict;
    });
  };
  return any(compare::LimitVerdict::broken)         ? kExitRegression
         : any(compare::LimitVerdict::inconclusive) ? kExitInconclusive
                                                    : kExitOk;
}

}  // namespace stepbench::race
