#include "core/results/merge.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>
#include <utility>

#include "core/error.hpp"
#include "core/results/environments.hpp"
#include "core/results/lookup.hpp"
#include "core/results/schema.hpp"

namespace stepbench {
namespace {

/// Rows of `left` and `right`, (R, M) and (R, N), side by side: (R, M + N).
template <typename T>
std::vector<T> join_columns(const std::vector<T>& left, const std::vector<T>& right, std::size_t rounds) {
  std::vector<T> joined;
  joined.reserve(left.size() + right.size());
  for (std::size_t r = 0; r < rounds; ++r)
    for (const std::vector<T>* part : {&left, &right}) {
      const std::size_t columns = part->size() / rounds;
      const auto row = part->begin() + static_cast<std::ptrdiff_t>(r * columns);
      joined.insert(joined.end(), row, row + static_cast<std::ptrdiff_t>(columns));
    }
  return joined;
}

/// Of a trial that was not timed: its group without rounds.
bool has_no_rounds(const GroupRecord& group) { return group.trials.empty() && group.rounds() == 0; }

void append_columns(GroupRecord& group, const GroupRecord& part) {
  if (has_no_rounds(part)) return;
  if (has_no_rounds(group)) {
    group = part;
    return;
  }
  if (group.rounds() != part.rounds())
    throw InputError("group " + group.id + ": one part has " + std::to_string(group.rounds()) + " rounds, another " +
                     std::to_string(part.rounds()));
  for (const std::string& trial : part.trials)
    if (std::ranges::find(group.trials, trial) != group.trials.end())
      throw InputError("group " + group.id + ": trial " + trial + " appears twice");
  const std::size_t rounds = group.peak_gflops.size();
  schema::visit_both(group, part, schema::kCells, [&](std::string_view name, auto& own, const auto& other) {
    if (own.empty() != other.empty() && !group.trials.empty() && !part.trials.empty())
      throw InputError("group " + group.id + ": one part has `" + std::string(name) + "`, another has not");
    if (rounds > 0) own = join_columns(own, other, rounds);
  });
  group.trials.insert(group.trials.end(), part.trials.begin(), part.trials.end());
  for (std::size_t r = 0; r < rounds; ++r)
    if (std::isnan(group.peak_gflops[r])) group.peak_gflops[r] = part.peak_gflops[r];
}

void append(ResultFile& merged, ResultFile part) {
  if (part.experiment != merged.experiment || part.config_text != merged.config_text)
    throw InputError("the parts are of different experiments: " + merged.experiment + " and " + part.experiment +
                     (part.experiment == merged.experiment ? " with another config" : ""));
  merged.status = worse(merged.status, part.status);
  for (TrialRecord& trial : part.trials) {
    if (find_trial(merged, trial.id) != nullptr) throw InputError("trial " + trial.id + " appears twice");
    merged.trials.push_back(std::move(trial));
  }
  for (GroupRecord& group : part.groups) {
    move_environments(group, part, merged);
    const auto same = std::ranges::find(merged.groups, group.id, &GroupRecord::id);
    if (same == merged.groups.end())
      merged.groups.push_back(std::move(group));
    else
      append_columns(*same, group);
  }
}

}  // namespace

GroupRecord columns_of(const GroupRecord& group, std::span<const std::string> trials) {
  GroupRecord columns = group;
  schema::visit_cells(columns, [](const char*, const char*, auto& values) { values.clear(); });
  columns.trials.clear();
  for (const std::string& trial : group.trials)
    if (std::ranges::find(trials, trial) != trials.end()) columns.trials.push_back(trial);
  schema::visit_both(columns, group, schema::kCells, [&](std::string_view, auto& own, const auto& other) {
    for (std::size_t i = 0; i < other.size(); ++i) {
      const std::string& trial = group.trials[i % group.trials.size()];
      if (std::ranges::find(trials, trial) != trials.end()) own.push_back(other[i]);
    }
  });
  if (columns.trials.empty())
    return {.id = group.id,
            .environment = group.environment,
            .earlier_environments = group.earlier_environments,
            .measurement = group.measurement};
  return columns;
}

ResultFile merge_results(std::vector<ResultFile> parts) {
  if (parts.empty()) throw InputError("there are no trials to put together");
  ResultFile merged = std::move(parts.front());
  for (std::size_t i = 1; i < parts.size(); ++i) append(merged, std::move(parts[i]));
  for (const TrialRecord& trial : merged.trials) merged.status = worse(merged.status, trial.status);
  return merged;
}

}  // namespace stepbench
