#include "experiments/history/series.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/arm.hpp"
#include "core/error.hpp"
#include "core/results/environments.hpp"
#include "core/results/step_times.hpp"
#include "core/statistics.hpp"
#include "experiments/compare/match.hpp"
#include "experiments/compare/same_experiment.hpp"
#include "experiments/compare/speed.hpp"
#include "experiments/show/seed_rows.hpp"
#include "experiments/show/shown_speed.hpp"
#include "experiments/show/varying_settings.hpp"

namespace stepbench::history {
namespace {

using compare::Match;
using compare::Matching;

/// The settings that tell one series from another: what an experiment is, and how it was run as far as some file
/// itself varies it.
class Conditions {
 public:
  explicit Conditions(const std::vector<NamedFile>& files) {
    ResultFile all;  // of settings alone
    for (const NamedFile& file : files) {
      for (const VaryingSetting& setting : varying_settings(file.results)) swept_.insert(setting.key);
    }
    for (const NamedFile& file : files) {
      for (const TrialRecord& trial : file.results.trials) all.trials.emplace_back().settings = counted(trial);
    }
    varying_ = varying_settings(all);
  }

  [[nodiscard]] std::string identity(const TrialRecord& trial) const {
    std::set<std::string> lines;  // files may have the same settings in another order
    for (const auto& [key, value] : counted(trial)) lines.insert(fmt::format("{}={}", key, stepbench::to_text(value)));
    return fmt::format("{}\n{}", arm_of(trial).name(), fmt::join(lines, "\n"));
  }

  /// `batch_size 32, precision float32`
  [[nodiscard]] std::string name(const TrialRecord& trial) const {
    std::vector<std::string> parts;
    for (const VaryingSetting& setting : varying_) {
      const std::string value = text_of(trial.settings, setting.key);
      if (!value.empty()) parts.push_back(fmt::format("{} {}", setting.name, value));
    }
    return fmt::format("{}", fmt::join(parts, ", "));
  }

 private:
  [[nodiscard]] KeyValues counted(const TrialRecord& trial) const {
    KeyValues settings;
    for (const auto& setting : trial.settings) {
      const std::string& key = setting.first;
      if (is_of_arm(key)) continue;  // in the arm's name, as far as it varies
      const bool counts = compare::must_agree(key) && !compare::is_default(key, to_text(setting.second));
      if (counts || swept_.contains(key)) settings.push_back(setting);
    }
    return settings;
  }

  std::set<std::string> swept_;
  std::vector<VaryingSetting> varying_;
};

Matching matched(const NamedFile& file, const std::string& baseline) {
  try {
    return compare::match_within(file.results, baseline);
  } catch (const InputError& error) {
    constexpr std::string_view kCommand = "compare: ";
    std::string_view reason = error.what();
    if (reason.starts_with(kCommand)) reason.remove_prefix(kCommand.size());
    throw InputError(fmt::format("{}{}: {}", kCommand, file.name, reason));
  }
}

/// Percent of peak and step time (s) of trials that differ in the seed alone.
std::pair<double, double> peak_and_time(const std::vector<const TrialRecord*>& trials, const TimedTrials& timed) {
  std::vector<double> times;
  for (const TrialRecord* trial : trials) times.push_back(typical_step_time(timed.of(*trial).rounds, *trial));
  return {ShownSpeed({trials, trials, ""}, timed).percent_of_peak(), geometric_mean(times)};
}

Point point_of(const Match& match, const compare::SpeedRow& row, const TimedTrials& timed) {
  std::vector<const TrialRecord*> trials, baselines;
  for (const compare::TrialPair& pair : match.pairs) {
    trials.push_back(pair.trial);
    baselines.push_back(pair.baseline);
  }
  Point point{.speed = row.evidence, .seeds = row.seeds};
  std::tie(point.percent_of_peak, point.step_time) = peak_and_time(trials, timed);
  std::tie(point.baseline_percent_of_peak, point.baseline_step_time) = peak_and_time(baselines, timed);
  return point;
}

std::set<std::string> baselines_of(const Matching& matching) {
  std::set<std::string> names;
  for (const Match& match : matching.matches) names.insert(match.baseline);
  return names;
}

void require_one_baseline(const std::vector<NamedFile>& files, const std::vector<Matching>& matchings) {
  const std::set<std::string> first = baselines_of(matchings.front());
  for (std::size_t f = 1; f < files.size(); ++f) {
    const std::set<std::string> own = baselines_of(matchings[f]);
    if (own == first || own.empty() || first.empty()) continue;
    throw InputError(
        fmt::format("compare: the files have no common baseline ({}: {}; {}: {}); choose one that all have with "
                    "--baseline",
                    files.front().name, fmt::join(first, ", "), files[f].name, fmt::join(own, ", ")));
  }
}

[[noreturn]] void refuse(const NamedFile& file, const NamedFile& first) {
  for (const TrialRecord& trial : file.results.trials) {
    const auto same_id = std::ranges::find(first.results.trials, trial.id, &TrialRecord::id);
    if (same_id == first.results.trials.end()) continue;
    const std::string difference = compare::experiment_difference(trial, *same_id, first.name);
    if (!difference.empty()) {
      throw InputError(fmt::format("compare: {}: not the same experiment: {}", file.name, difference));
    }
  }
  const auto first_id = [](const NamedFile& of) {
    return of.results.trials.empty() ? std::string("none") : of.results.trials.front().id;
  };
  throw InputError(fmt::format(
      "compare: {}: not the same experiment: no trial in common with the files before it (experiment {}: {}, ...; "
      "{} has {}: {}, ...)",
      file.name, file.results.experiment, first_id(file), first.name, first.results.experiment, first_id(first)));
}

/// Gathers the files' points into series.
class Collector {
 public:
  Collector(const std::vector<NamedFile>& files, SeriesOfFiles& found)
      : files_(files), conditions_(files), found_(found) {}

  void add(std::size_t f, const Matching& matching) {
    const NamedFile& file = files_[f];
    const TimedTrials timed(file.results);
    const std::vector<compare::SpeedRow> rows =
        compare::compare_speed(matching, kSpeedMargin);  // its verdict is unused
    auto row = rows.begin();
    if (matching.matches.empty()) {
      throw InputError(fmt::format("compare: {}: has no trial besides the baseline that completed{}", file.name,
                                   matching.unmatched.empty() ? "" : ": " + matching.unmatched.front()));
    }
    bool common = f == 0;
    for (const Match& match : matching.matches) {
      row = std::find_if(row, rows.end(), [](const compare::SpeedRow& of) { return of.decides; });
      const TrialRecord& trial = *match.pairs.front().trial;
      const auto [place, is_new] = places_.try_emplace(conditions_.identity(trial), found_.series.size());
      if (is_new) {
        found_.series.push_back(
            {conditions_.name(trial), match.trial, match.baseline, std::vector<std::optional<Point>>(files_.size())});
      }
      std::optional<Point>& point = found_.series[place->second].points[f];
      if (point) {
        throw InputError(fmt::format("compare: {}: has {} twice, and nothing of the experiment tells them apart",
                                     file.name, match.trial));
      }
      for (const compare::TrialPair& pair : match.pairs) require_same_data(place->first, f, *pair.trial);
      point = point_of(match, *row++, timed);
      common = common || !is_new;
    }
    if (!common) refuse(file, files_.front());
    for (const std::string& line : matching.unmatched) found_.not_compared.push_back(file.name + ": " + line);
    for (const std::string& line : matching.warnings) found_.warnings.push_back(file.name + ": " + line);
  }

 private:
  void require_same_data(const std::string& identity, std::size_t f, const TrialRecord& trial) {
    const auto [known, is_new] = data_.try_emplace({identity, trial.seed}, Data{f, trial.dataset_digest});
    if (is_new || known->second.digest == trial.dataset_digest) return;
    throw InputError(fmt::format(
        "compare: {}: not the same experiment: trial {} has data with the digest {}, in {} it is {}", files_[f].name,
        trial.id, trial.dataset_digest, files_[known->second.file].name, known->second.digest));
  }

  struct Data {
    std::size_t file;
    std::string digest;
  };
  const std::vector<NamedFile>& files_;
  Conditions conditions_;
  SeriesOfFiles& found_;
  std::map<std::string, std::size_t> places_;                   // by identity
  std::map<std::pair<std::string, std::uint64_t>, Data> data_;  // by identity and seed
};

bool are_of_one_machine(const std::vector<NamedFile>& files) {
  std::set<std::string> machines;
  for (const NamedFile& file : files) {
    for (const Machine& machine : machines_of(file.results)) {
      std::string facts;
      for (const std::string_view name : kMachineFacts) facts += text_of(machine.environment, name) + "\n";
      machines.insert(facts);
    }
  }
  return machines.size() == 1;
}

}  // namespace

std::string name_of(const Series& series) {
  return series.settings.empty() ? series.trial : fmt::format("{} ({})", series.trial, series.settings);
}

SeriesOfFiles series_of(const std::vector<NamedFile>& files, const std::string& baseline) {
  std::set<std::string> names;
  for (const NamedFile& file : files) {
    if (!names.insert(file.name).second) throw InputError(fmt::format("compare: {}: is given twice", file.name));
  }
  std::vector<Matching> matchings;
  for (const NamedFile& file : files) matchings.push_back(matched(file, baseline));
  require_one_baseline(files, matchings);
  SeriesOfFiles found;
  Collector collector(files, found);
  for (std::size_t f = 0; f < files.size(); ++f) collector.add(f, matchings[f]);
  found.one_machine = are_of_one_machine(files);
  for (std::size_t f = 1; f < files.size(); ++f) {
    if (files[f].results.created < files[f - 1].results.created) {
      found.warnings.push_back(
          fmt::format("{} is older than {}, which stands before it: give the files in the order in "
                      "which changes are to be told",
                      files[f].name, files[f - 1].name));
    }
  }
  return found;
}

}  // namespace stepbench::history
