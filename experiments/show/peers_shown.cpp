#include "experiments/show/peers_shown.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/arm.hpp"
#include "core/results/step_times.hpp"
#include "core/speed_verdict.hpp"
#include "core/statistics.hpp"

namespace stepbench {
namespace {

/// Of ranks, which are ours, the library is their MPI.
bool is_peer(const TrialRecord& record) { return !record.library.empty() && record.ranks == 0; }

/// The fastest of ours and the fastest peer, among trials that took turns.
struct Fastest {
  std::string group;
  std::int64_t threads;
  const TrialRecord* ours = nullptr;
  const TrialRecord* peer = nullptr;
};

const GroupRecord* rounds_of(const ResultFile& file, const TrialRecord& record) {
  const auto found = std::ranges::find(file.groups, record.group, &GroupRecord::id);
  return found == file.groups.end() ? nullptr : &*found;
}

std::string line_for(const ResultFile& file, const Fastest& fastest, double margin) {
  const GroupRecord* rounds = rounds_of(file, *fastest.peer);
  const RatioEstimate speed = paired_ratio(round_times(rounds, fastest.ours->id), round_times(rounds, fastest.peer->id),
                                           round_processes(rounds));
  if (speed_verdict(speed, fastest.peer->summary.noise_floor, margin) != SpeedVerdict::faster) return "";
  return fmt::format("{} is {:.2f}x [{:.2f}, {:.2f}] faster than {}, the fastest of ours\n", fastest.peer->id,
                     speed.ratio, speed.low, speed.high, fastest.ours->id);
}

}  // namespace

std::string peers_ahead(const ResultFile& file, double margin) {
  std::vector<Fastest> conditions;  // in the order of the file
  for (const TrialRecord& record : file.trials) {
    const GroupRecord* rounds = rounds_of(file, record);
    const double time = geometric_mean(round_times(rounds, record.id));
    if (record.status != Status::completed || !(time > 0)) continue;
    auto found = std::ranges::find_if(conditions, [&record](const Fastest& fastest) {
      return fastest.group == record.group && fastest.threads == record.threads;
    });
    if (found == conditions.end()) found = conditions.insert(found, {record.group, record.threads});
    const TrialRecord*& best = is_peer(record) ? found->peer : found->ours;
    if (best == nullptr || time < geometric_mean(round_times(rounds, best->id))) best = &record;
  }
  std::string lines;
  for (const Fastest& fastest : conditions) {
    if (fastest.ours != nullptr && fastest.peer != nullptr) lines += line_for(file, fastest, margin);
  }
  return lines;
}

std::string peer_lines(const ResultFile& file) {
  std::vector<std::string> names;
  std::set<std::string> between_ranks;
  std::map<std::string, std::pair<std::set<std::string>, std::set<std::string>>> known;  // libraries, settings
  for (const TrialRecord& record : file.trials) {
    if (record.ranks > 0 && !record.library.empty()) between_ranks.insert(record.library);
    if (!is_peer(record)) continue;
    if (std::ranges::find(names, record.backend) == names.end()) names.push_back(record.backend);
    auto& [libraries, settings] = known[record.backend];
    libraries.insert(record.library);
    if (!record.settings_tried.empty()) settings.insert(record.setting);
  }
  std::string lines;
  for (const std::string& name : names) {
    const auto& [libraries, settings] = known[name];
    lines +=
        fmt::format("{}: {}, in a process of its own{}\n", name, fmt::join(libraries, " and "),
                    settings.empty() ? "" : fmt::format("; best of its settings: {}", fmt::join(settings, " or ")));
  }
  if (!between_ranks.empty()) lines += fmt::format("ranks: {}\n", fmt::join(between_ranks, " and "));
  return lines;
}

}  // namespace stepbench
