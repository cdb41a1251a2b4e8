#include "experiments/show/seed_rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "core/arm.hpp"
#include "core/results/environments.hpp"

namespace stepbench {
namespace {

bool has_seed(const TableRow& row, std::uint64_t seed) {
  return std::ranges::any_of(row.trials, [seed](const TrialRecord* trial) { return trial->seed == seed; });
}

/// A row for each trial; its group is its block.
std::vector<TableRow> single_rows(const ResultFile& file) {
  std::vector<TableRow> rows;
  for (const TrialRecord& trial : file.trials) rows.push_back({{&trial}, {&trial}, trial.group});
  return rows;
}

/// A trial joins the row that lacks only its seed. What a group adds to the rows of another's, as a trial that only one
/// seed has, stands with them.
std::vector<TableRow> joined_rows(const ResultFile& file) {
  std::vector<TableRow> rows;
  std::map<std::string, std::vector<std::size_t>> rows_of;  // by identity
  std::map<std::string, std::string> block_of;              // by group
  for (const TrialRecord& trial : file.trials) {
    std::vector<std::size_t>& places = rows_of[identity_but_for_seed(trial)];
    const auto place = std::ranges::find_if(places, [&](std::size_t i) { return !has_seed(rows[i], trial.seed); });
    if (place == places.end()) {
      places.push_back(rows.size());
      rows.push_back({{&trial}, {}, block_of.try_emplace(trial.group, trial.group).first->second});
    } else {
      rows[*place].trials.push_back(&trial);
      block_of.try_emplace(trial.group, rows[*place].block);
    }
  }
  std::map<std::string, std::size_t> order;
  for (const TableRow& row : rows) order.try_emplace(row.block, order.size());
  std::ranges::stable_sort(rows, {}, [&order](const TableRow& row) { return order.at(row.block); });
  for (TableRow& row : rows) {
    std::ranges::copy_if(row.trials, std::back_inserter(row.counted),
                         [](const TrialRecord* trial) { return trial->status == Status::completed; });
  }
  return rows;
}

bool mixes_machines(const std::vector<TableRow>& rows, const ResultFile& file) {
  std::map<std::string_view, std::size_t> machine_of;  // by group
  const std::vector<Machine> machines = machines_of(file);
  for (std::size_t i = 0; i < machines.size(); ++i) {
    for (const std::string& group : machines[i].groups) machine_of[group] = i;
  }
  return std::ranges::any_of(rows, [&machine_of](const TableRow& row) {
    std::set<std::size_t> used;
    for (const TrialRecord* trial : row.trials) used.insert(machine_of[trial->group]);
    return used.size() > 1;
  });
}

}  // namespace

std::string identity_but_for_seed(const TrialRecord& trial) {
  std::string identity = arm_of(trial).name() + "\n";
  for (const auto& [key, value] : trial.settings) identity += key + "=" + to_text(value) + "\n";
  return identity;
}

TableRows table_rows(const ResultFile& file, SeedRows seeds) {
  const auto has_one_seed = [&file](const TrialRecord& trial) { return trial.seed == file.trials.front().seed; };
  if (seeds == SeedRows::each || std::ranges::all_of(file.trials, has_one_seed)) return {.rows = single_rows(file)};
  std::vector<TableRow> joined = joined_rows(file);
  if (std::ranges::all_of(joined, [](const TableRow& row) { return row.trials.size() == 1; })) {
    return {.rows = single_rows(file)};
  }
  if (mixes_machines(joined, file)) return {.rows = single_rows(file), .apart_by_machine = true};
  return {.rows = std::move(joined), .together = true};
}

std::string unfinished_lines(const TableRow& row) {
  std::vector<std::pair<std::string, std::vector<std::string>>> ids_by_end;
  for (const TrialRecord* trial : row.trials) {
    if (trial->status == Status::completed) continue;
    const std::string end = fmt::format("{}: {}", to_text(trial->status), trial->message);
    auto place = std::ranges::find(ids_by_end, end, [](const auto& ids_of_end) { return ids_of_end.first; });
    if (place == ids_by_end.end()) place = ids_by_end.insert(place, {end, {}});
    place->second.push_back(trial->id);
  }
  std::string lines;
  for (const auto& [end, ids] : ids_by_end) lines += fmt::format("{} {}\n", fmt::join(ids, ", "), end);
  return lines;
}

}  // namespace stepbench
