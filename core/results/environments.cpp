#include "core/results/environments.hpp"

#include <algorithm>

#include "core/results/lookup.hpp"

namespace stepbench {
namespace {

bool same_machine(const KeyValues& first, const KeyValues& second) {
  return std::ranges::all_of(kMachineFacts,
                             [&](std::string_view fact) { return text_of(first, fact) == text_of(second, fact); });
}

}  // namespace

bool same_environment(const KeyValues& first, const KeyValues& second) {
  return std::ranges::equal(first, second, [](const auto& a, const auto& b) {
    return a.first == b.first && (a.second == b.second || to_text(a.second) == to_text(b.second));
  });
}

std::size_t place_of(ResultFile& file, const KeyValues& environment) {
  std::vector<KeyValues>& known = file.environments;
  const auto found = std::ranges::find_if(known, [&](const KeyValues& e) { return same_environment(e, environment); });
  const auto place = static_cast<std::size_t>(found - known.begin());
  if (found == known.end()) known.push_back(environment);
  return place;
}

void move_environments(GroupRecord& group, const ResultFile& from, ResultFile& to) {
  group.environment = place_of(to, from.environments.at(group.environment));
  for (std::size_t& earlier : group.earlier_environments) earlier = place_of(to, from.environments.at(earlier));
}

const KeyValues& environment_of(const ResultFile& file, std::string_view group) {
  const GroupRecord* found = find_group(file, group);
  return found == nullptr ? file.environments.front() : file.environments.at(found->environment);
}

std::vector<Machine> machines_of(const ResultFile& file) {
  std::vector<Machine> machines;
  if (file.groups.empty()) return {{file.environments.front(), {}}};
  for (const GroupRecord& group : file.groups) {
    std::vector<std::size_t> places = group.earlier_environments;
    places.push_back(group.environment);
    for (const std::size_t place : places) {
      const KeyValues& environment = file.environments.at(place);
      const auto known = std::ranges::find_if(
          machines, [&](const Machine& machine) { return same_machine(machine.environment, environment); });
      Machine& machine = known == machines.end() ? machines.emplace_back(Machine{environment, {}}) : *known;
      if (machine.groups.empty() || machine.groups.back() != group.id) machine.groups.push_back(group.id);
    }
  }
  return machines;
}

std::string listed_groups(const Machine& machine) {
  constexpr std::size_t kMost = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, machine.groups.size()); ++i) {
    text += (i == 0 ? "" : ", ") + machine.groups[i];
  }
  if (machine.groups.size() > kMost) text += " and " + std::to_string(machine.groups.size() - kMost) + " more";
  return text;
}

}  // namespace stepbench
