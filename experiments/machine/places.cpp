#include "experiments/machine/places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>
#include <span>

#include "experiments/machine/cores.hpp"

namespace stepbench {
namespace {

using Cpus = std::vector<LogicalCpu>;

/// What cores are together in, from the outside in.
constexpr std::array<int LogicalCpu::*, 3> kLevels = {&LogicalCpu::package, &LogicalCpu::node, &LogicalCpu::cache};
using Levels = std::span<int LogicalCpu::*const>;

bool serves_interrupts(const LogicalCpu& cpu) { return cpu.number == 0; }

/// In order of their first CPU.
std::vector<Cpus> groups_of(const Cpus& cpus, int LogicalCpu::*level) {
  std::vector<Cpus> groups;
  std::map<int, std::size_t> places;
  for (const LogicalCpu& cpu : cpus) {
    const auto [place, is_new] = places.try_emplace(cpu.*level, groups.size());
    if (is_new) groups.emplace_back();
    groups[place->second].push_back(cpu);
  }
  return groups;
}

void append(Cpus& to, const Cpus& more) { to.insert(to.end(), more.begin(), more.end()); }

/// `count` of `cpus`, no two of which share a core, on as few groups of each level as hold them.
Cpus compact(Cpus cpus, std::size_t count, Levels levels) {
  count = std::min(count, cpus.size());
  if (levels.empty()) {
    std::stable_partition(cpus.begin(), cpus.end(), [](const LogicalCpu& cpu) { return !serves_interrupts(cpu); });
    cpus.resize(count);
    return cpus;
  }
  std::vector<Cpus> groups = groups_of(cpus, levels.front());
  Cpus chosen;
  while (count > 0) {
    const auto holds = [count](const Cpus& group, bool with_interrupts) {
      return std::ssize(group) - (with_interrupts ? 0 : std::ranges::count_if(group, serves_interrupts)) >=
             static_cast<std::ptrdiff_t>(count);
    };
    auto group = std::ranges::find_if(groups, [&](const Cpus& each) { return holds(each, false); });
    if (group == groups.end())
      group = std::ranges::find_if(groups, [&](const Cpus& each) { return holds(each, true); });
    if (group == groups.end()) group = std::ranges::max_element(groups, {}, &Cpus::size);
    const Cpus part = compact(std::move(*group), count, levels.subspan(1));
    groups.erase(group);
    append(chosen, part);
    count -= part.size();
  }
  return chosen;
}

/// All of `cpus` in an order of which every beginning is spread as far as it can be.
Cpus spread(Cpus cpus, Levels levels) {
  if (levels.empty()) {
    std::stable_partition(cpus.begin(), cpus.end(), [](const LogicalCpu& cpu) { return !serves_interrupts(cpu); });
    return cpus;
  }
  std::vector<Cpus> groups = groups_of(cpus, levels.front());
  for (Cpus& group : groups) group = spread(std::move(group), levels.subspan(1));
  Cpus order;
  for (std::size_t turn = 0; order.size() < cpus.size(); ++turn) {
    for (const Cpus& group : groups) {
      if (turn < group.size()) order.push_back(group[turn]);
    }
  }
  return order;
}

/// First one CPU of each core, the fast kind's before the next; then the second ones, and so on.
std::vector<Cpus> classes_of(const Topology& topology) {
  std::map<std::pair<int, int>, Cpus> classes;  // by place in the core, and kind
  std::map<int, int> seen;                      // of each core
  for (const LogicalCpu& cpu : topology.cpus) classes[{seen[cpu.core]++, cpu.kind}].push_back(cpu);
  std::vector<Cpus> ordered;
  for (auto& [key, cpus] : classes) ordered.push_back(std::move(cpus));
  return ordered;
}

std::size_t count_of(const Topology& topology, int LogicalCpu::*member) {
  std::set<int> different;
  for (const LogicalCpu& cpu : topology.cpus) different.insert(cpu.*member);
  return different.size();
}

/// Why these threads cannot have a CPU each, or empty.
std::string too_many(std::int64_t threads, const Topology& topology) {
  if (!topology.unknown.empty()) return topology.unknown;
  const auto allowed = static_cast<int>(topology.cpus.size());
  if (threads > allowed) return fmt::format("{} threads, more than the CPUs allowed ({})", threads, allowed);
  if (threads > usable_cores(allowed, topology.quota)) {
    return fmt::format("{} threads, more than a control group leaves time for ({:.3g} CPUs)", threads, *topology.quota);
  }
  return "";
}

/// Why it is better not to, where nobody asked for it; or empty.
std::string better_not(std::int64_t threads, const Topology& topology) {
  if (topology.quota && *topology.quota < static_cast<double>(topology.cpus.size())) {
    return fmt::format("a control group leaves time for {:.3g} of the {} CPUs: others are on the same ones",
                       *topology.quota, topology.cpus.size());
  }
  const std::size_t cores = count_of(topology, &LogicalCpu::core);
  if (threads > static_cast<std::int64_t>(cores))
    return fmt::format("{} threads, more than physical cores ({})", threads, cores);
  if (threads == 1 && count_of(topology, &LogicalCpu::node) == 1 && count_of(topology, &LogicalCpu::kind) == 1) {
    return "one thread, and all cores are alike to it";
  }
  return "";
}

}  // namespace

ThreadPlaces place_threads(Pin pin, std::int64_t threads, const Topology& topology) {
  ThreadPlaces places;
  if (pin == Pin::none) return places;
  places.why_not = too_many(threads, topology);
  if (places.why_not.empty() && pin == Pin::automatic) places.why_not = better_not(threads, topology);
  if (!places.why_not.empty()) return places;
  const auto all = static_cast<std::size_t>(threads);
  for (Cpus& cpus : classes_of(topology)) {
    Cpus order = pin == Pin::spread ? spread(std::move(cpus), kLevels)
                                    : compact(std::move(cpus), all - places.cpus.size(), kLevels);
    order.resize(std::min(order.size(), all - places.cpus.size()));
    for (const LogicalCpu& cpu : order) places.cpus.push_back(cpu.number);
  }
  return places;
}

}  // namespace stepbench
