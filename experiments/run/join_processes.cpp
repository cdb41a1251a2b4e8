#include "experiments/run/join_processes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <set>
#include <string_view>
#include <utility>

#include "core/error.hpp"
#include "core/results/environments.hpp"
#include "core/results/lookup.hpp"
#include "core/results/schema.hpp"
#include "experiments/measure/summary.hpp"

namespace stepbench {
namespace {

/// What a cell says of a trial that was not timed in a process.
template <typename T>
constexpr T kNotTimed = std::same_as<T, double> ? static_cast<T>(kNotANumber) : T{};

/// Rows of a part, with the columns of `trials`.
template <typename T>
std::vector<T> with_columns(const std::vector<T>& cells, const GroupRecord& part,
                            const std::vector<std::string>& trials) {
  std::vector<T> rows;
  if (cells.empty()) return rows;
  for (std::size_t r = 0; r < static_cast<std::size_t>(part.rounds()); ++r) {
    for (const std::string& trial : trials) {
      const auto found = std::ranges::find(part.trials, trial);
      const auto column = static_cast<std::size_t>(found - part.trials.begin());
      rows.push_back(found == part.trials.end() ? kNotTimed<T> : cells[r * part.trials.size() + column]);
    }
  }
  return rows;
}

template <typename T>
void append(std::vector<T>& all, const std::vector<T>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

/// The parts' records of one group, environments as places in `file`.
GroupRecord join_group(const std::vector<GroupRecord>& parts) {
  GroupRecord all{.id = parts.front().id, .measurement = parts.front().measurement};
  std::vector<std::size_t> environments;
  for (const GroupRecord& part : parts) {
    for (const std::string& trial : part.trials) {
      if (std::ranges::find(all.trials, trial) == all.trials.end()) all.trials.push_back(trial);
    }
  }
  for (std::size_t p = 0; p < parts.size(); ++p) {
    GroupRecord part = parts[p];
    if (part.segment.empty()) part.segment.resize(part.step_time.size());
    for (std::int64_t& segment : part.segment) segment += std::ssize(environments);
    part.process.assign(static_cast<std::size_t>(part.rounds()), static_cast<std::int64_t>(p));
    append(environments, part.earlier_environments);
    environments.push_back(part.environment);
    schema::visit_both(all, part, schema::kCells, [&](std::string_view, auto& joined, const auto& own) {
      append(joined, with_columns(own, part, all.trials));
    });
    schema::visit_both(all, part, schema::kRounds,
                       [](std::string_view, auto& joined, const auto& own) { append(joined, own); });
    all.peak_gflops_after = part.peak_gflops_after;
    all.gemm_gflops_after = part.gemm_gflops_after;
  }
  all.environment = environments.back();
  environments.pop_back();
  all.earlier_environments = std::move(environments);
  return all;
}

/// Of one trial in all processes. `first_rounds`: of each process its first round in the group's joined rounds.
TrialRecord join_trial(const std::vector<const TrialRecord*>& parts, const std::vector<std::int64_t>& first_rounds) {
  const auto completed =
      std::ranges::find(parts, Status::completed, [](const TrialRecord* part) { return part->status; });
  const auto told = completed == parts.end() ? parts.begin() : completed;
  TrialRecord all = **told;
  for (std::int64_t& round : all.steps.round) round += first_rounds[static_cast<std::size_t>(told - parts.begin())];
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const TrialRecord& part = *parts[p];
    if (all.status == part.status || worse(all.status, part.status) == all.status) continue;
    all.status = part.status;
    all.cause = part.cause;
    all.message = fmt::format("in process {} of {}: {}", p + 1, parts.size(), part.message);
    all.diverged_at_step = part.diverged_at_step;
  }
  return all;
}

/// Of each part the rounds of a group that the parts before it have.
std::vector<std::int64_t> first_rounds_of(const std::vector<ResultFile>& parts, const std::string& group) {
  std::vector<std::int64_t> first_rounds;
  std::int64_t rounds = 0;
  for (const ResultFile& part : parts) {
    first_rounds.push_back(rounds);
    const auto found = std::ranges::find(part.groups, group, &GroupRecord::id);
    if (found != part.groups.end()) rounds += found->rounds();
  }
  return first_rounds;
}

void require_one_experiment(const std::vector<ResultFile>& parts) {
  const auto machine = [](const ResultFile& file) {
    std::vector<std::string> facts;
    for (const std::string_view fact : kMachineFacts) facts.push_back(text_of(file.environments.front(), fact));
    return facts;
  };
  const ResultFile& first = parts.front();
  for (const ResultFile& part : parts) {
    const bool same_trials = std::ranges::equal(part.trials, first.trials, {}, &TrialRecord::id, &TrialRecord::id) &&
                             std::ranges::equal(part.groups, first.groups, {}, &GroupRecord::id, &GroupRecord::id);
    if (part.config_text != first.config_text || !same_trials) {
      throw InputError("the processes ran different experiments; give --overwrite to run all of them anew");
    }
    if (machine(part) != machine(first)) {
      throw InputError(
          "the processes ran on different machines, whose times do not pool; give --overwrite to run all of "
          "them on this one");
    }
  }
}

}  // namespace

ResultFile join_processes(std::vector<ResultFile> parts) {
  require_one_experiment(parts);
  ResultFile file = parts.front();
  for (std::size_t g = 0; g < file.groups.size(); ++g) {
    std::vector<GroupRecord> groups;
    for (const ResultFile& part : parts) {
      GroupRecord& group = groups.emplace_back(part.groups[g]);
      move_environments(group, part, file);
    }
    file.groups[g] = join_group(groups);
  }
  for (std::size_t t = 0; t < file.trials.size(); ++t) {
    std::vector<const TrialRecord*> records;
    for (const ResultFile& part : parts) records.push_back(&part.trials[t]);
    double disturbed = 0;
    for (const TrialRecord* record : records) disturbed += record->summary.disturbed_rounds;
    TrialRecord joined = join_trial(records, first_rounds_of(parts, records.front()->group));
    joined.summary.disturbed_rounds = disturbed;
    file.trials[t] = std::move(joined);
    file.status =
        worse(file.status, file.trials[t].status == Status::unsupported ? Status::completed : file.trials[t].status);
  }
  for (const GroupRecord& group : file.groups) {
    std::vector<TrialRecord> of_group;
    for (const TrialRecord& trial : file.trials) {
      if (trial.group == group.id) of_group.push_back(trial);
    }
    if (of_group.empty()) continue;
    compare_with_baseline(of_group, group, text_of(of_group.front().settings, "measure.interleave") != "false");
    for (const TrialRecord& compared : of_group) {
      std::ranges::find(file.trials, compared.id, &TrialRecord::id)->summary = compared.summary;
    }
  }
  return file;
}

std::size_t process_count(const ResultFile& file) {
  std::size_t count = 1;
  for (const GroupRecord& group : file.groups) {
    if (!group.process.empty()) count = std::max(count, static_cast<std::size_t>(std::ranges::max(group.process)) + 1);
  }
  return count;
}

std::vector<std::string> trials_with_other_bits(const std::vector<ResultFile>& parts) {
  std::vector<std::string> ids;
  for (std::size_t t = 0; t < parts.front().trials.size(); ++t) {
    std::set<std::string> digests;
    for (const ResultFile& part : parts) {
      if (part.trials[t].status == Status::completed) digests.insert(part.trials[t].parameter_digest);
    }
    if (digests.size() > 1 && parts.front().trials[t].same_bits_for_any_threads) {
      ids.push_back(parts.front().trials[t].id);
    }
  }
  return ids;
}

}  // namespace stepbench
