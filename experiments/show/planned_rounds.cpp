#include "experiments/show/planned_rounds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/detection.hpp"
#include "experiments/plan/round_cut.hpp"

namespace stepbench {
namespace {

std::string range(std::vector<double> values, const char* unit, const char* format) {
  const auto [least, most] = std::ranges::minmax(values);
  const std::string low = fmt::format(fmt::runtime(format), least), high = fmt::format(fmt::runtime(format), most);
  return low == high ? low + unit : fmt::format("{}{} to {}{}", low, unit, high, unit);
}

std::string shortage(const GroupRecord& group) {
  const RoundPlan& plan = group.plan;
  if (std::isinf(plan.needed)) {
    return fmt::format(
        "{}: more than {} rounds would find {:g}%, the training has room for {}: a quieter machine, or a "
        "larger measure.detect\n",
        group.id, kMostPlannedRounds, 100 * plan.detect, plan.room);
  }
  return fmt::format("{}: would need {} rounds, the training has room for {}: set training.steps to {} or more\n",
                     group.id, planned_rounds(static_cast<std::int64_t>(plan.needed), plan.seeds), plan.room,
                     plan.steps_needed);
}

}  // namespace

std::string planned_rounds_lines(const ResultFile& file) {
  std::vector<const GroupRecord*> planned;
  for (const GroupRecord& group : file.groups) {
    if (group.plan.planned > 0) planned.push_back(&group);
  }
  if (planned.empty()) return "";
  std::vector<double> rounds, noise, alike;
  const GroupRecord* shortest = nullptr;
  std::int64_t short_groups = 0;
  for (const GroupRecord* group : planned) {
    const RoundPlan& plan = group->plan;
    rounds.push_back(static_cast<double>(plan.planned));
    if (std::isnan(plan.needed)) continue;
    noise.push_back(100 * plan.noise);
    alike.push_back(plan.alike);
    if (!(plan.needed > static_cast<double>(plan.planned * plan.seeds))) continue;
    ++short_groups;
    if (shortest == nullptr || plan.needed > shortest->plan.needed) shortest = group;
  }
  const RoundPlan& first = planned.front()->plan;
  std::string text =
      fmt::format("rounds: {}{} after a pilot of {}, ", range(rounds, "", "{:.0f}"),
                  planned.size() > 1 ? fmt::format(" in each of {} groups", planned.size()) : "", first.pilot_rounds);
  if (noise.empty()) return text + "which had nothing to compare\n";
  text += fmt::format("planned to find {:g}% in {:g} of 10 runs from its noise of {} a round (alike {})\n",
                      100 * first.detect, 10 * first.power, range(noise, "%", "{:.1f}"), range(alike, "", "{:.2f}"));
  if (shortest != nullptr) text += shortage(*shortest);
  if (short_groups > 1)
    text += fmt::format("and {} more groups have too few steps for their plans\n", short_groups - 1);
  return text;
}

}  // namespace stepbench
