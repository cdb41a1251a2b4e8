#include "core/config/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "core/arm.hpp"
#include "core/config/expand.hpp"
#include "core/config/expectations.hpp"
#include "core/config/ini.hpp"
#include "core/config/keys.hpp"
#include "core/error.hpp"
#include "core/text/suggestion.hpp"
#include "core/text/text.hpp"

namespace stepbench {
namespace {

constexpr std::string_view kOverride = "--set";
constexpr std::string_view kSweepPrefix = "sweep.";

std::string read_config(const std::filesystem::path& file) {
  constexpr std::size_t kLargest = 1 << 20;
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) throw InputError(file.string() + ": is a folder, not a config");
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::string text;
  std::array<char, 1 << 14> piece;
  while (stream && text.size() <= kLargest) {
    stream.read(piece.data(), piece.size());
    text.append(piece.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad() || !stream.is_open()) {
    const std::string reason = errno != 0 ? std::generic_category().message(errno) : "read error";
    throw InputError(fmt::format("{}: cannot be read: {}", file.string(), reason));
  }
  if (text.size() > kLargest) throw InputError(file.string() + ": larger than 1 MiB, which no config is");
  return text;
}

/// What a full key as written means. `location` begins the messages about its value, now and later; `unknown_location`
/// the message about a key that means nothing.
Assignment resolve(const KeyTable& table, std::string_view full_key, std::string_view text, const std::string& location,
                   const std::string& unknown_location) {
  const bool in_sweep = full_key.starts_with(kSweepPrefix);
  const std::string_view swept_name = in_sweep ? full_key.substr(kSweepPrefix.size()) : full_key;
  // [sweep] has three keys of its own, without a dot, and takes all others by their full name.
  const bool own_key = in_sweep && (swept_name.find('.') == swept_name.npos || swept_name.starts_with(kSweepPrefix));
  const std::string_view name = own_key ? full_key : swept_name;
  Assignment assignment{table.find(name), std::string(text), in_sweep, location};
  if (assignment.key == nullptr) {
    const std::string near = table.suggestion_for(name);
    throw InputError(fmt::format("{} unknown key \"{}\"{}", unknown_location, printable(name),
                                 near.empty() ? "; see `stepbench list keys`" : near));
  }
  if (in_sweep && section_of(name) == "experiment") {
    throw InputError(assignment.where() + "cannot be swept, allowed: one value in [experiment]");
  }
  return assignment;
}

std::vector<Assignment> read_assignments(const KeyTable& table, const IniFile& ini, const std::string& file) {
  std::vector<std::string_view> sections = table.sections();
  sections.push_back(kExpectSection);
  for (const IniSection& section : ini.sections) {
    if (std::find(sections.begin(), sections.end(), section.name) != sections.end()) continue;
    throw InputError(fmt::format("{}:{}: unknown section \"{}\", allowed: {}{}", file, section.line,
                                 printable(section.name), fmt::join(sections, ", "),
                                 suggestion(section.name, sections)));
  }
  std::vector<Assignment> assignments;
  std::vector<int> lines;
  for (const IniEntry& entry : ini.entries) {
    if (is_expect_key(entry.key)) continue;
    const std::string location = fmt::format("{}:{}:", file, entry.line);
    Assignment added = resolve(table, entry.key, entry.text, location, location);
    for (std::size_t i = 0; i < assignments.size(); ++i) {
      if (assignments[i].key != added.key) continue;
      throw InputError(fmt::format("{}set in [{}] and in [sweep], allowed: one of them (the other is on line {})",
                                   added.where(), section_of(added.key->name), lines[i]));
    }
    lines.push_back(entry.line);
    assignments.push_back(std::move(added));
  }
  return assignments;
}

/// `section.key=value`
struct Override {
  std::string_view key, value;
  std::string location;  // begins messages about the key
};

Override parse_override(const std::string& text) {
  const std::string location = fmt::format("{} {}:", kOverride, printable(text));
  if (find_text_fault(text).what != nullptr || text.find('\n') != std::string::npos) {
    throw InputError(location + " control characters or bytes that are not UTF-8, allowed: one line of text");
  }
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) throw InputError(location + " has no \"=\", allowed: section.key=value");
  const std::string_view key = trimmed(std::string_view(text).substr(0, equals));
  const std::string_view value = unquoted(std::string_view(text).substr(equals + 1));
  if (key.empty()) throw InputError(location + " nothing before \"=\", allowed: section.key=value");
  if (value.empty() && !is_expect_key(key)) {
    throw InputError(location + " nothing after \"=\", allowed: section.key=value");
  }
  return {key, value, location};
}

/// Takes the place of what the file or an earlier override says of the same key, in [sweep] or outside it.
void override_assignment(std::vector<Assignment>& assignments, Assignment added) {
  const auto earlier = std::find_if(assignments.begin(), assignments.end(),
                                    [&](const Assignment& assignment) { return assignment.key == added.key; });
  if (earlier == assignments.end()) {
    assignments.push_back(std::move(added));
  } else {
    *earlier = std::move(added);
  }
}

/// The settings that all trials share: defaults and what stands outside [sweep].
TrialSettings shared_settings(std::span<const Assignment> assignments, const KeyTable& table,
                              const std::filesystem::path& file) {
  TrialSettings shared;
  for (const Assignment& assignment : assignments) {
    if (!assignment.in_sweep) set_value(assignment, assignment.text, shared, table);
  }
  if (shared.experiment.name.empty()) {
    const Key& key = *table.find("experiment.name");
    const std::string stem = file.stem().string();
    if (!key.set(shared, stem)) {
      throw InputError(fmt::format("{}: {}: found \"{}\" (the file's name), allowed: {}", file.string(), key.name,
                                   printable(stem), key.allowed));
    }
  }
  return shared;
}

bool is_set(std::span<const Assignment> assignments, std::string_view key) {
  return std::any_of(assignments.begin(), assignments.end(),
                     [key](const Assignment& assignment) { return assignment.key->name == key; });
}

/// Both directions of "every key that matters is set, every key that is set matters".
void check_keys(std::span<const Assignment> assignments, const KeyTable& table, const Experiment& experiment) {
  const auto applies_anywhere = [&](const Key& key) {
    return std::any_of(experiment.trials.begin(), experiment.trials.end(),
                       [&](const TrialSettings& trial) { return table.applies(key, trial); });
  };
  for (const Key& key : table.keys()) {
    if (!key.required || is_set(assignments, key.name) || !applies_anywhere(key)) continue;
    throw InputError(fmt::format("{}missing, allowed: {}", experiment.where(key.name), key.allowed));
  }
  const bool has_epochs = is_set(assignments, "training.epochs");
  if (has_epochs == is_set(assignments, "training.steps")) {
    throw InputError(fmt::format("{}{}, allowed: exactly one of training.epochs and training.steps",
                                 experiment.where(has_epochs ? "training.steps" : "training.epochs"),
                                 has_epochs ? "set beside training.epochs" : "missing"));
  }
  for (const Assignment& assignment : assignments) {
    if (applies_anywhere(*assignment.key)) continue;
    throw InputError(fmt::format("{}no trial uses it (it applies with {})", assignment.where(),
                                 table.applies_with(*assignment.key)));
  }
}

/// A baseline that no cell of the sweep can be would go unnoticed.
void check_baselines(const Experiment& experiment) {
  std::set<std::string> cells;
  std::vector<Arm> arms;
  for (const TrialSettings& trial : experiment.trials) {
    const Arm arm = arm_of(trial);
    cells.insert({arm.backend, arm.name()});
    arms.push_back(arm);
  }
  const std::vector<std::string_view> names(cells.begin(), cells.end());
  for (const TrialSettings& trial : experiment.trials) {
    const std::string& baseline = trial.measure.baseline;
    const auto is_meant = [&baseline](const Arm& arm) { return arm.is_called(baseline); };
    if (baseline.empty() || std::ranges::any_of(arms, is_meant)) continue;
    throw InputError(fmt::format("{}found \"{}\", allowed: {}{}", experiment.where("measure.baseline"),
                                 printable(baseline), fmt::join(names, ", "), suggestion(baseline, names)));
  }
}

/// A study of scaling needs something to scale with.
void check_studies(const Experiment& experiment) {
  std::map<std::pair<std::string, std::string>, std::set<std::int64_t>> workers;  // by group and backend
  for (const TrialSettings& trial : experiment.trials) {
    if (trial.scaling.kind) workers[{trial.group, trial.backend}].insert(trial.workers());
  }
  if (workers.empty()) return;
  if (std::ranges::any_of(workers, [](const auto& entry) { return entry.second.size() > 1; })) return;
  const bool apart = experiment.trials.front().scaling.kind == ScalingKind::throughput;
  throw InputError(
      fmt::format("{}no backend of the sweep has two numbers of {}, allowed: several, such as sweep.{} = 1,2",
                  experiment.where("scaling.kind"), apart ? "ranks" : "ranks (or threads without ranks)",
                  apart ? "ranks" : "threads"));
}

}  // namespace

std::string Experiment::where(std::string_view key) const {
  const std::string name = (key.find('.') == key.npos ? std::string(kSweepPrefix) : "") + std::string(key);
  const auto origin = origins.find(name);
  return origin != origins.end() ? origin->second : fmt::format("{}: {}: ", file.string(), name);
}

Experiment load_experiment(const std::filesystem::path& file, std::span<const std::string> overrides,
                           const KeyTable& table) {
  Experiment experiment;
  experiment.file = file;
  experiment.text = read_config(file);
  const IniFile ini = parse_ini(experiment.text, file.string());
  std::vector<Assignment> assignments = read_assignments(table, ini, file.string());
  ExpectLines expect;
  for (const IniEntry& entry : ini.entries) {
    if (is_expect_key(entry.key)) expect.set(entry.key, entry.text, fmt::format("{}:{}:", file.string(), entry.line));
  }
  if (!experiment.text.empty() && !experiment.text.ends_with('\n')) experiment.text += '\n';
  bool overridden = false;
  for (const std::string& text : overrides) {
    const Override given = parse_override(text);
    if (is_expect_key(given.key)) {
      expect.set(given.key, given.value, std::string(kOverride), true);
    } else {
      overridden = true;
      override_assignment(assignments, resolve(table, given.key, given.value, std::string(kOverride), given.location));
    }
    experiment.text += fmt::format("# {} {}\n", kOverride, text);
  }
  for (const Assignment& assignment : assignments) {
    experiment.origins.emplace(assignment.key->name, assignment.where());
  }
  const TrialSettings shared = shared_settings(assignments, table, file);
  experiment.settings = shared.experiment;
  expand(shared, assignments, table, experiment);
  check_keys(assignments, table, experiment);
  for (const TrialSettings& trial : experiment.trials) check_trial(trial, experiment, table);
  check_baselines(experiment);
  check_studies(experiment);
  experiment.expectations = expect.expectations(experiment, table, overridden);
  return experiment;
}

}  // namespace stepbench
