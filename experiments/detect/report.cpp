#include "experiments/detect/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/detect/duration.hpp"
#include "experiments/plan/round_cut.hpp"
#include "experiments/terminal/text_table.hpp"

namespace stepbench::detect {
namespace {

std::string percent(double share) { return std::isinf(share) ? "nothing" : fmt::format("{:.1f}%", 100 * share); }

std::size_t comparisons_of(const Pilot& pilot) {
  std::size_t count = 0;
  for (const Condition& condition : pilot.conditions) count += condition.comparisons.size();
  return count;
}

/// Rounds of each condition, where all get as many of them.
std::int64_t rounds_within(const Pilot& pilot, double seconds) {
  double all = 0;
  for (const Condition& condition : pilot.conditions) all += condition.round_seconds;
  return std::min(static_cast<std::int64_t>(seconds / all), kMostPlannedRounds);
}

bool is_auto(const Condition& condition) { return condition.measure.rounds == kAutomaticRounds; }

std::int64_t of_a_seed(std::int64_t rounds, const Condition& condition) {
  return is_auto(condition) ? planned_rounds(rounds, condition.seeds)
                            : (rounds + condition.seeds - 1) / condition.seeds;
}

/// What a condition needs in all, a line; `rounds` 0: more than anybody would run.
std::string condition_line(const Condition& condition, std::int64_t rounds) {
  const std::string name = condition.name.empty() ? "" : condition.name + ": ";
  if (rounds == 0) {
    return fmt::format("{}more than {} rounds: a quieter machine, or a larger difference to look for\n", name,
                       kMostPlannedRounds);
  }
  const std::int64_t each = of_a_seed(rounds, condition);
  const std::int64_t trained = each + (is_auto(condition) ? kPilotRounds : 0);
  std::string text = fmt::format(
      "{}measure.rounds = {}{}, about {} in all", name,
      is_auto(condition) ? fmt::format("auto: {} and {} after them", kPilotRounds, each) : std::to_string(each),
      condition.seeds > 1 ? fmt::format(" for each of {} seeds", condition.seeds) : "",
      duration_text(static_cast<double>(trained * condition.seeds) * condition.round_seconds));
  if (each > condition.most) {
    text += is_auto(condition)
                ? fmt::format("; that takes training.steps = {}", steps_for_rounds(condition.measure, each))
                : fmt::format("; with blocks of {} steps as now that takes training.steps = {}", condition.block,
                              each * condition.block);
    text += fmt::format(", the config's training has {}", condition.steps);
  }
  return text + "\n";
}

}  // namespace

std::string plan_text(const std::string& experiment, const Pilot& pilot, const Question& question) {
  const std::size_t comparisons = comparisons_of(pilot);
  const bool several = pilot.conditions.size() > 1;
  TextTable table;
  if (several) table.add_column("condition", TextTable::Align::left);
  table.add_column("compared", TextTable::Align::left);
  table.add_column("noise");
  table.add_column("alike");
  table.add_column("rounds");
  table.add_column("time");
  table.add_column("as it is");
  if (question.within) table.add_column("within " + duration_text(*question.within));
  std::string lines;
  for (const Condition& condition : pilot.conditions) {
    std::int64_t most = 0;
    bool all = true;
    for (const auto& [arm, noise] : condition.comparisons) {
      const std::int64_t rounds = rounds_to_detect(noise, question.difference, comparisons, question.power);
      most = std::max(most, rounds);
      all = all && rounds > 0;
      std::vector<std::string> cells;
      if (several) cells.push_back(condition.name);
      const auto finds = [&](std::int64_t count) { return detectable(noise, count, comparisons, question.power); };
      cells.insert(
          cells.end(),
          {arm + " vs " + condition.baseline, percent(noise.deviation), fmt::format("{:.2f}", noise.correlation),
           rounds == 0 ? fmt::format(">{}", kMostPlannedRounds) : std::to_string(rounds),
           rounds == 0 ? "-" : duration_text(static_cast<double>(rounds) * condition.round_seconds),
           percent(finds(condition.rounds * condition.seeds))});
      if (question.within) cells.push_back(percent(finds(rounds_within(pilot, *question.within))));
      table.add_row(std::move(cells));
    }
    lines += condition_line(condition, all ? most : 0);
  }
  std::string missing;
  for (const auto& reasons : {pilot.failures, pilot.unsupported}) {
    for (const std::string& reason : reasons) missing += reason + "\n";
  }
  return fmt::format(
      "{}: to find a difference of {:g}% in {:g} of 10 runs, from a pilot of {} rounds\n\n{}\n{}{}"
      "found: the 95% interval excludes 1, and the ratio lies outside the noise floor{}\n"
      "noise: standard deviation of a round's log ratio, at the upper end of its 80% interval, as {} rounds do not "
      "know\n"
      "it; alike: correlation of neighbouring rounds; rounds, time: what that difference takes, all seeds together; "
      "as\n"
      "it is: the smallest difference that the config's own rounds find{}\n",
      experiment, 100 * question.difference, 10 * question.power, kPilotRounds, table.text(), missing, lines,
      comparisons > 1
          ? fmt::format("; of {0} comparisons each is planned\nat 5%/{0}, to be told whatever the others say",
                        comparisons)
          : "",
      kPilotRounds, question.within ? "; within: the same of as many rounds\nof each condition as that time has" : "");
}

}  // namespace stepbench::detect
