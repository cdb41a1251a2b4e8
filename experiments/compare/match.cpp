#include "experiments/compare/match.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/arm.hpp"
#include "core/config/experiment.hpp"
#include "core/error.hpp"
#include "core/results/environments.hpp"
#include "core/results/lookup.hpp"
#include "core/results/step_times.hpp"
#include "core/text/suggestion.hpp"
#include "experiments/compare/same_experiment.hpp"
#include "experiments/show/seed_rows.hpp"
#include "experiments/show/varying_settings.hpp"

namespace stepbench::compare {
namespace {

std::string label(const TrialRecord& trial) { return arm_of(trial).name(); }

/// A trial that ended by itself; one that diverged was timed, and that it diverged is a result.
bool has_results(const TrialRecord& trial) {
  return trial.status == Status::completed || trial.status == Status::diverged;
}

std::string reason(const TrialRecord& trial) {
  return trial.message.empty() ? to_text(trial.status) : fmt::format("{}: {}", to_text(trial.status), trial.message);
}

/// Names trials by what the sweep varies, and gathers pairs that differ in the seed alone into one match.
class Collector {
 public:
  Collector(const ResultFile& file, Matching& matching) : matching_(matching), varying_(varying_settings(file)) {}

  void add(const TrialPair& pair) {
    const std::string identity = label(*pair.baseline) + "\n" + identity_but_for_seed(*pair.trial);
    std::string settings;
    for (const VaryingSetting& setting : varying_) {
      if (is_of_arm(setting.key)) continue;  // in the arm's name
      const std::string value = text_of(pair.trial->settings, setting.key);
      if (value.empty()) continue;
      settings += fmt::format("{}{} {}", settings.empty() ? "" : ", ", setting.name, value);
    }
    const auto [place, is_new] = places_.try_emplace(identity, matching_.matches.size());
    if (is_new) matching_.matches.push_back({settings, label(*pair.trial), label(*pair.baseline), {}});
    matching_.matches[place->second].pairs.push_back(pair);
  }

 private:
  Matching& matching_;
  std::vector<VaryingSetting> varying_;
  std::map<std::string, std::size_t> places_;
};

bool is_called(const TrialRecord& trial, const std::string& name) {
  return name.empty() ? trial.is_baseline : arm_of(trial).is_called(name);
}

void require_baseline(const ResultFile& file, const std::string& name) {
  std::vector<std::string> names;
  for (const TrialRecord& trial : file.trials) {
    if (trial.status == Status::unsupported) continue;
    if (is_called(trial, name)) return;
    if (std::ranges::find(names, label(trial)) == names.end()) names.push_back(label(trial));
  }
  if (name.empty()) {
    throw InputError(
        fmt::format("compare: the file names no baseline; choose one with --baseline: {}", fmt::join(names, ", ")));
  }
  std::vector<std::string_view> views(names.begin(), names.end());
  for (const TrialRecord& trial : file.trials) views.push_back(trial.backend);
  throw InputError(fmt::format("compare: --baseline: found \"{}\", allowed: a backend of the file, or one of {}{}",
                               name, fmt::join(names, ", "), suggestion(name, views)));
}

/// Of the trials of that name in a group, the first with results, else the first.
const TrialRecord* find_baseline(const ResultFile& file, const std::string& group, const std::string& name) {
  const TrialRecord* found = nullptr;
  for (const TrialRecord& trial : file.trials) {
    if (trial.group != group || trial.status == Status::unsupported || !is_called(trial, name)) continue;
    if (has_results(trial)) return &trial;
    if (found == nullptr) found = &trial;
  }
  return found;
}

void add_once(std::vector<std::string>& lines, std::string line) {
  if (std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
}

/// What differs between the environments in which pairs of two files were timed.
void note_differences(const ResultFile& file, const ResultFile& baseline, Matching& matching) {
  matching.notes = program_differences(file, baseline);
  for (const Match& match : matching.matches) {
    for (const TrialPair& pair : match.pairs) {
      const KeyValues& here = environment_of(file, pair.trial->group);
      const KeyValues& there = environment_of(baseline, pair.baseline->group);
      for (const std::string& line : machine_differences(here, there)) {
        add_once(matching.warnings, "the machines differ, and with them the speed: " + line);
      }
      for (std::string& line : build_differences(here, there)) add_once(matching.notes, std::move(line));
      for (std::string& line : own_differences(*pair.trial, *pair.baseline)) add_once(matching.notes, std::move(line));
    }
  }
}

/// Within a file a ratio is of one group, and so of one machine; what several groups have together is not.
void warn_of_several_machines(const ResultFile& file, Matching& matching) {
  const std::vector<Machine> machines = machines_of(file);
  if (machines.size() < 2) return;
  std::string text = "groups ran on different machines, so that only ratios within a group are of one:";
  for (const Machine& machine : machines) {
    text += fmt::format("{} {} on {} ({})", &machine == &machines.front() ? "" : ";", listed_groups(machine),
                        text_of(machine.environment, "hostname"), text_of(machine.environment, "cpu_model"));
  }
  matching.warnings.push_back(text);
}

}  // namespace

Matching match_within(const ResultFile& file, const std::string& baseline) {
  require_baseline(file, baseline);
  Matching matching;
  Collector collector(file, matching);
  bool alone = true;
  for (const TrialRecord& trial : file.trials) {
    if (trial.status == Status::unsupported) {
      matching.notes.push_back(fmt::format("{} was not run: {}", trial.id, trial.message));
      continue;
    }
    const TrialRecord* held_against = find_baseline(file, trial.group, baseline);
    if (&trial == held_against && has_results(trial)) continue;
    alone = false;
    if (!has_results(trial)) {
      matching.unmatched.push_back(fmt::format("{} {}", trial.id, reason(trial)));
    } else if (held_against == nullptr) {
      matching.unmatched.push_back(fmt::format("{}: its group has no trial to be held against", trial.id));
    } else if (!has_results(*held_against)) {
      matching.unmatched.push_back(
          fmt::format("{}: its baseline {} {}", trial.id, held_against->id, to_text(held_against->status)));
    } else if (!same_batches(trial, *held_against)) {
      matching.notes.push_back(
          fmt::format("{} was trained on other batches than {} (scaling.kind = weak): not compared; "
                      "`stepbench show` has the study",
                      trial.id, held_against->id));
    } else {
      const GroupRecord* rounds = find_group(file, trial.group);
      collector.add({&trial, held_against, rounds, rounds});
    }
  }
  warn_of_several_machines(file, matching);
  if (alone) matching.unmatched.emplace_back("nothing to compare: the file has no trial besides the baseline");
  return matching;
}

Matching match_between(const ResultFile& file, const ResultFile& baseline) {
  Matching matching;
  matching.paired = false;
  Collector collector(file, matching);
  std::set<std::string> shared;
  for (const TrialRecord& trial : file.trials) {
    const TrialRecord* found = find_trial(baseline, trial.id);
    if (found == nullptr) {
      matching.unmatched.push_back(trial.id + " is not in the baseline file");
      continue;
    }
    shared.insert(trial.id);
    require_same_experiment(trial, *found);
    if (trial.status == Status::unsupported && found->status == Status::unsupported) {
      matching.notes.push_back(fmt::format("{} was not run: {}", trial.id, trial.message));
    } else if (!has_results(trial)) {
      matching.unmatched.push_back(fmt::format("{} {}", trial.id, reason(trial)));
    } else if (!has_results(*found)) {
      matching.unmatched.push_back(fmt::format("{} in the baseline file {}", trial.id, reason(*found)));
    } else {
      collector.add({&trial, found, find_group(file, trial.group), find_group(baseline, found->group)});
    }
  }
  for (const TrialRecord& trial : baseline.trials) {
    if (!shared.contains(trial.id) && trial.status != Status::unsupported) {
      matching.unmatched.push_back(trial.id + " is in the baseline file only");
    }
  }
  if (shared.empty()) {
    const auto first = [](const ResultFile& of) { return of.trials.empty() ? "none" : of.trials.front().id; };
    throw InputError(fmt::format(
        "compare: not the same experiment: the files have no trial in common ({}: {}, ...; baseline file {}: {}, ...)",
        file.experiment, first(file), baseline.experiment, first(baseline)));
  }
  note_differences(file, baseline, matching);
  return matching;
}

}  // namespace stepbench::compare
