#include "experiments/scale/arms.hpp"

#include <algorithm>
#include <memory>
#include <set>

#include "variants/registry.hpp"

namespace stepbench::scale {
namespace {

PlannedTrial with_threads(const PlannedTrial& planned, const Arm& arm, std::int64_t threads) {
  TrialSettings settings = *planned.settings;
  settings.threads = threads;
  settings.scaling = {};  // one batch on any number of cores
  place_trial(settings);
  settings.id = trial_id({arm.backend, threads, arm.settings}, settings.group);
  PlannedTrial result = planned;
  result.unsupported = unsupported_reason(*planned.backend, settings);
  result.settings = std::make_shared<const TrialSettings>(std::move(settings));
  return result;
}

}  // namespace

Selection select_entries(std::span<const PlannedGroup> groups) {
  Selection selection;
  std::set<std::string> conditions;
  for (const PlannedGroup& group : groups) {
    if (!conditions.insert(condition_of(group)).second) {
      ++selection.other_seeds;
      continue;
    }
    ++selection.groups;
    const auto first = static_cast<std::ptrdiff_t>(selection.entries.size());
    for (const PlannedTrial& planned : group.trials) {
      Arm arm = arm_of(*planned.settings);
      arm.threads = 1;
      const auto begin = selection.entries.begin() + first;
      if (std::find_if(begin, selection.entries.end(), [&arm](const Entry& e) { return e.arm == arm; }) !=
          selection.entries.end()) {
        continue;
      }
      selection.entries.push_back(
          {arm.backend + arm.settings + "-" + group.id, group.id, arm, with_threads(planned, arm, 1)});
    }
  }
  return selection;
}

PlannedTrial on_threads(const Entry& entry, std::int64_t threads) {
  return with_threads(entry.one_core, entry.arm, threads);
}

}  // namespace stepbench::scale
