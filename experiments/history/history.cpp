#include "experiments/history/history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/results/environments.hpp"
#include "experiments/compare/numbers.hpp"

namespace stepbench::history {
namespace {

using compare::FailCondition;
using compare::Finding;
using compare::Outcome;
using compare::ratio_number;

/// `AMD EPYC, 2 cores (host)`
std::string machine_text(const ResultFile& file) {
  const std::vector<Machine> machines = machines_of(file);
  if (machines.size() > 1) return fmt::format("{} machines", machines.size());
  const KeyValues& environment = machines.front().environment;
  return fmt::format("{}, {} cores ({})", text_of(environment, "cpu_model"), text_of(environment, "cores"),
                     text_of(environment, "hostname"));
}

Finding find_slower(const FailCondition& condition, const Series& series, const Change& change) {
  return compare::slower_finding(condition, name_of(series),
                                 fmt::format("its speed over {} is {} times that of the file before", series.baseline,
                                             ratio_number(change.evidence.speed.ratio)),
                                 change.evidence);
}

std::vector<Finding> find_slower(const FailCondition& condition, const History& history) {
  std::vector<Finding> findings;
  const std::size_t last = history.files.size() - 1;
  for (std::size_t s = 0; s < history.found.series.size(); ++s) {
    const Series& series = history.found.series[s];
    const bool here = series.points[last].has_value(), before = series.points[last - 1].has_value();
    if (here && before) {
      const auto change =
          std::ranges::find_if(history.consecutive, [&](const Change& of) { return of.series == s && of.to == last; });
      findings.push_back(find_slower(condition, series, *change));
    } else if (here || before) {
      findings.push_back({condition.text, name_of(series), Outcome::inconclusive,
                          fmt::format("is in {} and not in {}", history.files[here ? last : last - 1].name,
                                      history.files[here ? last - 1 : last].name)});
    }
  }
  return findings;
}

}  // namespace

History history_of(const std::vector<NamedFile>& files, const std::string& baseline, double speed_margin) {
  History history{
      .experiment = files.back().results.experiment, .speed_margin = speed_margin, .found = series_of(files, baseline)};
  for (const auto& [name, results] : files) {
    history.files.push_back(
        {name, results.created, results.git_commit + (results.git_dirty ? ", modified" : ""), machine_text(results)});
  }
  history.consecutive = consecutive_changes(history.found, speed_margin);
  history.over_all = changes_over_all(history.found, speed_margin);
  for (std::size_t f = 1; f < files.size(); ++f) {
    std::vector<Difference> differences = differences_between(files[f - 1].results, files[f].results);
    if (!differences.empty()) history.steps.push_back({f, std::move(differences)});
  }
  return history;
}

std::vector<Finding> hold_against(const History& history, const std::vector<NamedFile>& files,
                                  const std::vector<FailCondition>& conditions,
                                  const compare::CompareOptions& options) {
  std::vector<Finding> findings;
  for (const FailCondition& condition : conditions) {
    if (condition.kind == FailCondition::Kind::slower) {
      std::ranges::move(find_slower(condition, history), std::back_inserter(findings));
    } else {
      const compare::Comparison last_two =
          compare::compare_files(files.back().results, files[files.size() - 2].results, options);
      std::ranges::move(compare::hold_against(last_two, {condition}), std::back_inserter(findings));
    }
    for (const std::string& reason : history.found.not_compared) {
      if (reason.starts_with(files.back().name + ": ")) {
        findings.push_back({condition.text, "", Outcome::inconclusive, reason});
      }
    }
  }
  return findings;
}

}  // namespace stepbench::history
