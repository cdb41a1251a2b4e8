#include "experiments/run/resume.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>

#include "core/config/experiment.hpp"
#include "core/error.hpp"
#include "core/results/environments.hpp"
#include "core/results/result_file.hpp"
#include "core/results/shards.hpp"
#include "experiments/machine/environment.hpp"
#include "experiments/run/checkpoint.hpp"

namespace stepbench {
namespace {

namespace fs = std::filesystem;

std::string build_text(const RunIdentity& identity) {
  return fmt::format("{} ({}{})", identity.version, identity.git_commit, identity.git_dirty ? ", modified" : "");
}

std::vector<LibraryFact> bit_makers() {
  std::vector<LibraryFact> facts = library_facts();
  std::erase_if(facts, [](const LibraryFact& fact) { return !fact.makes_bits; });
  return facts;
}

void describe_program(const RunIdentity& stored, const RunIdentity& now, std::vector<std::string>& differences) {
  if (build_text(stored) != build_text(now)) {
    differences.push_back(fmt::format("the program was {}, now {}", build_text(stored), build_text(now)));
  } else if (stored.binary_digest != now.binary_digest) {
    differences.push_back(fmt::format("the program was another build of {}", build_text(now)));
  }
  const std::vector<LibraryFact> facts = bit_makers();
  for (std::size_t i = 0; i < facts.size(); ++i) {
    if (stored.libraries[i] == now.libraries[i]) continue;
    differences.push_back(fmt::format("{}: {}, now {}", facts[i].what,
                                      stored.libraries[i].empty() ? "not recorded" : stored.libraries[i],
                                      now.libraries[i]));
  }
}

RunIdentity identity(std::string version, std::string git_commit, bool git_dirty, const KeyValues& environment) {
  RunIdentity identity{std::move(version), std::move(git_commit), git_dirty, text_of(environment, "binary_digest"), {}};
  for (const LibraryFact& fact : bit_makers()) identity.libraries.push_back(text_of(environment, fact.name));
  return identity;
}

/// Settings by key, without those that change nothing of what a trial does.
std::map<std::string, Value> telling_settings(const KeyValues& settings) {
  std::map<std::string, Value> telling;
  for (const auto& [key, value] : settings) {
    if (key.starts_with("experiment.") || is_of_the_run_alone(key)) continue;
    telling.emplace(key, value);
  }
  return telling;
}

/// A file from before there was a key has none, which says no more than that it is of another program.
bool is_new_key(std::string_view key, const std::map<std::string, Value>& before, const Value& now) {
  const Key* const known = key_table().find(key);
  return known != nullptr && known->default_text == to_text(now) && !before.contains(std::string(key));
}

void describe_settings(const KeyValues& stored, const KeyValues& now, std::vector<std::string>& differences) {
  const std::map<std::string, Value> before = telling_settings(stored), after = telling_settings(now);
  const auto text = [](const std::map<std::string, Value>& settings, const std::string& key) {
    const auto found = settings.find(key);
    return found == settings.end() ? std::string("not set") : to_text(found->second);
  };
  std::set<std::string> keys;
  for (const auto& [key, value] : before) keys.insert(key);
  for (const auto& [key, value] : after) {
    if (!is_new_key(key, before, value)) keys.insert(key);
  }
  for (const std::string& key : keys) {
    const std::string was = text(before, key), is = text(after, key);
    if (was != is) differences.push_back(fmt::format("{} was {}, now {}", key, was, is));
  }
}

[[noreturn]] void refuse(const std::string& why) {
  throw InputError(fmt::format("{}; give --overwrite to run everything anew, or another --output", why));
}

[[noreturn]] void refuse(const fs::path& file, const std::string& why) {
  refuse(fmt::format("{}: {}", file.string(), why));
}

const PlannedTrial* find_planned(std::span<const PlannedGroup> groups, const std::string& id) {
  for (const PlannedGroup& group : groups) {
    for (const PlannedTrial& trial : group.trials) {
      if (trial.settings->id == id) return &trial;
    }
  }
  return nullptr;
}

/// The stored trial's place in the plan; refuses when it has none.
const PlannedTrial& require_trial(const fs::path& file, const TrialRecord& stored, const RunIdentity& stored_identity,
                                  std::span<const PlannedGroup> groups, const RunIdentity& identity) {
  const PlannedTrial* planned = find_planned(groups, stored.id);
  if (planned == nullptr) refuse(file, fmt::format("has a trial {}, which this config does not ask for", stored.id));
  const std::string differs = difference(stored, stored_identity, *planned, identity);
  if (!differs.empty()) refuse(file, fmt::format("{} differs from what would run now: {}", stored.id, differs));
  return *planned;
}

void require_shard(const fs::path& file, const ShardRecord& stored, const ShardRecord& now) {
  const auto text = [](const ShardRecord& shard) {
    return shard.is_whole() ? "the whole sweep" : "shard " + to_text(shard);
  };
  if (text(stored) != text(now)) refuse(file, fmt::format("is of {}, now {}", text(stored), text(now)));
}

/// The image of a file; nothing, and a warning, when it is damaged.
std::optional<std::vector<std::byte>> read_sound(const fs::path& file, Progress& progress) {
  try {
    return read_published(file);
  } catch (const InputError& error) {
    progress.warn(fmt::format("{}; its group is run again", error.what()));
    return std::nullopt;
  }
}

Checkpoint read_checkpoint(std::span<const std::byte> image, const fs::path& file) {
  try {
    return checkpoint_from_image(image, file);
  } catch (const InputError& error) {  // it is whole, and of another version of the program
    refuse(error.what());
  }
}

/// The file of a trial; nothing, and a warning, when it is damaged.
std::optional<ResultFile> read_trial_file(const fs::path& file, Progress& progress) {
  const std::optional<std::vector<std::byte>> image = read_sound(file, progress);
  if (!image) return std::nullopt;
  ResultFile single;
  try {
    single = from_image(*image, file);
  } catch (const InputError& error) {  // it is whole, and of another version of the program
    refuse(error.what());
  }
  if (single.trials.size() != 1 || single.groups.size() != 1 || file.stem() != single.trials.front().id) {
    refuse(file, "is not the file of the trial that its name says");
  }
  return single;
}

}  // namespace

RunIdentity this_identity() {
  const BuildInfo build = build_info();
  return identity(build.version, build.git_commit, build.git_dirty, environment_facts());
}

RunIdentity identity_of(const ResultFile& file, std::string_view group) {
  return identity_of(file, environment_of(file, group));
}

RunIdentity identity_of(const ResultFile& file, const KeyValues& environment) {
  return identity(file.stepbench_version, file.git_commit, file.git_dirty, environment);
}

std::string difference(const TrialRecord& stored, const RunIdentity& stored_identity, const PlannedTrial& planned,
                       const RunIdentity& identity) {
  std::vector<std::string> differences;
  describe_settings(stored.settings, setting_values(*planned.settings, key_table()), differences);
  const TrialSettings& trial = *planned.settings;
  if (stored.seed != trial.seed) differences.push_back(fmt::format("the seed was {}, now {}", stored.seed, trial.seed));
  if (stored.ranks != trial.ranks.count) {
    differences.push_back(fmt::format("it was on {} ranks, now on {}", stored.ranks, trial.ranks.count));
  }
  if (stored.backend != trial.backend || stored.threads != trial.threads) {
    differences.push_back(fmt::format("it was {} on {} threads, now {} on {}", stored.backend, stored.threads,
                                      trial.backend, trial.threads));
  }
  if (stored.dataset_digest != planned.dataset->digest) differences.emplace_back("the data have changed");
  describe_program(stored_identity, identity, differences);
  constexpr std::size_t kMost = 3;  // one line is to be read
  if (differences.size() > kMost) {
    const std::size_t more = differences.size() - kMost;
    differences.resize(kMost);
    differences.push_back(fmt::format("and {} more", more));
  }
  return fmt::format("{}", fmt::join(differences, ", "));
}

FinishedWork find_finished(std::span<const PlannedGroup> groups, const ShardRecord& shard,
                           std::span<const fs::path> trial_files, Progress& progress) {
  const RunIdentity identity = this_identity();
  FinishedWork finished;
  std::map<std::string, std::string> measurements;  // of its group, by trial
  for (const fs::path& file : trial_files) {
    const std::optional<ResultFile> single = read_trial_file(file, progress);
    if (!single) continue;
    require_shard(file, single->shard, shard);
    const TrialRecord& trial = single->trials.front();
    require_trial(file, trial, identity_of(*single, trial.group), groups, identity);
    if (trial.status == Status::interrupted) {
      finished.interrupted.insert(trial.group);
      continue;
    }
    finished.trials.insert(trial.id);
    measurements[trial.id] = single->groups.front().measurement;
  }
  for (const PlannedGroup& group : groups) {
    const auto first = measurements.find(group.trials.front().settings->id);
    finished.groups.push_back(std::ranges::all_of(group.trials, [&](const PlannedTrial& trial) {
      const auto found = measurements.find(trial.settings->id);
      return found != measurements.end() && found->second == first->second;
    }));
  }
  return finished;
}

std::map<std::size_t, fs::path> find_checkpoints(std::span<const PlannedGroup> groups, const ShardRecord& shard,
                                                 std::span<const fs::path> files, Progress& progress) {
  const RunIdentity identity = this_identity();
  std::map<std::size_t, fs::path> checkpoints;
  for (const fs::path& file : files) {
    const std::optional<std::vector<std::byte>> image = read_sound(file, progress);
    if (!image) continue;
    const Checkpoint checkpoint = read_checkpoint(*image, file);
    const GroupRecord& rounds = checkpoint.state.rounds;
    require_shard(file, checkpoint.run.shard, shard);
    const RunIdentity stored = identity_of(checkpoint.run, checkpoint.run.environments.at(rounds.environment));
    const auto group = std::ranges::find(groups, rounds.id, &PlannedGroup::id);
    if (rounds.id != file.stem()) refuse(file, "is not the checkpoint of the group that its name says");
    if (group == groups.end()) refuse(file, fmt::format("is of {}, which this config does not ask for", rounds.id));
    for (const MemberState& trial : checkpoint.state.trials) {
      if (!is_twin(trial.record.id)) require_trial(file, trial.record, stored, groups, identity);
    }
    for (const PlannedTrial& trial : group->trials) {
      const std::string& id = trial.settings->id;
      if (checkpoint.state.find(id) == nullptr) refuse(file, fmt::format("has no trial {}", id));
    }
    checkpoints.emplace(static_cast<std::size_t>(group - groups.begin()), file);
  }
  return checkpoints;
}

ResultFile read_complete(const fs::path& file, std::span<const PlannedGroup> groups, const ShardRecord& shard) {
  ResultFile whole;
  try {
    whole = read_result_file(file);
  } catch (const InputError& error) {
    refuse(error.what());
  }
  require_shard(file, whole.shard, shard);
  const std::string other_sweep = sweep_difference(shard, whole.shard);
  if (!other_sweep.empty()) refuse(file, "is a shard of another sweep: " + other_sweep);
  const RunIdentity identity = this_identity();
  std::set<std::string> stored;
  for (const TrialRecord& trial : whole.trials) {
    require_trial(file, trial, identity_of(whole, trial.group), groups, identity);
    stored.insert(trial.id);
  }
  for (const PlannedGroup& group : groups) {
    for (const PlannedTrial& trial : group.trials) {
      if (!stored.contains(trial.settings->id)) refuse(file, fmt::format("has no trial {}", trial.settings->id));
    }
  }
  return whole;
}

}  // namespace stepbench
