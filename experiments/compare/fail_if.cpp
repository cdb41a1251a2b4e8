#include "experiments/compare/fail_if.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.hpp"
#include "core/text/text.hpp"
#include "experiments/compare/numbers.hpp"
#include "experiments/compare/slowdown_limit.hpp"
#include "experiments/terminal/exit_code.hpp"

namespace stepbench::compare {
namespace {

template <typename Row>
std::string name_of(const Row& row) {
  return row.settings.empty() ? row.trial : row.trial + " (" + row.settings + ")";
}

Finding find_slower(const FailCondition& condition, const SpeedRow& row) {
  const std::string ratio = ratio_number(row.evidence.speed.ratio);
  return slower_finding(condition, name_of(row), fmt::format("{} times the baseline's speed", ratio), row.evidence);
}

Finding find_worse_learning(const FailCondition& condition, const LearningComparison& row) {
  const Outcome outcome = row.worse                                     ? Outcome::holds
                          : row.verdict == LearningVerdict::cannot_tell ? Outcome::inconclusive
                                                                        : Outcome::holds_not;
  return {condition.text, name_of(row), outcome, fmt::format("{} ({})", to_text(row.verdict), row.why)};
}

}  // namespace

std::string_view to_text(Outcome outcome) {
  return outcome == Outcome::holds ? "holds" : outcome == Outcome::holds_not ? "holds not" : "inconclusive";
}

Finding slower_finding(const FailCondition& condition, std::string trial, std::string detail,
                       const SpeedEvidence& evidence) {
  Finding finding{condition.text, std::move(trial), Outcome::inconclusive, std::move(detail)};
  const RatioEstimate& speed = evidence.speed;
  if (!std::isnan(speed.low)) {
    finding.detail += fmt::format(", 95% interval {} .. {}, limit {}", ratio_number(speed.low),
                                  ratio_number(speed.high), ratio_number(1 / (1 + condition.slowdown)));
  }
  switch (check_limit(evidence, condition.slowdown)) {
    case LimitVerdict::broken:
      finding.outcome = Outcome::holds;
      break;
    case LimitVerdict::kept:
      finding.outcome = Outcome::holds_not;
      break;
    case LimitVerdict::inconclusive: {
      if (!std::isnan(evidence.noise_floor)) {
        finding.detail += fmt::format(", noise floor {}", percent_number(evidence.noise_floor));
      }
      const std::string remedy = what_would_tell({&evidence, 1}, condition.slowdown);
      if (!remedy.empty()) finding.detail += "; what would tell: " + remedy;
    }
  }
  return finding;
}

FailCondition parse_fail_condition(const std::string& text) {
  if (text == "learns-worse") return {FailCondition::Kind::learns_worse, 0, text};
  if (text.starts_with("slower:")) return {FailCondition::Kind::slower, parse_fail_if(text), text};
  throw InputError(fmt::format("--fail-if: found \"{}\", allowed: slower:PERCENT%, as in slower:5%, or learns-worse",
                               printable(text)));
}

std::vector<Finding> hold_against(const Comparison& comparison, const std::vector<FailCondition>& conditions) {
  std::vector<Finding> findings;
  for (const FailCondition& condition : conditions) {
    if (condition.kind == FailCondition::Kind::slower) {
      for (const SpeedRow& row : comparison.speed) {
        if (row.decides) findings.push_back(find_slower(condition, row));
      }
    } else {
      for (const LearningComparison& row : comparison.learning) findings.push_back(find_worse_learning(condition, row));
    }
    for (const std::string& reason : comparison.unmatched) {
      findings.push_back({condition.text, "", Outcome::inconclusive, reason});
    }
  }
  return findings;
}

std::vector<std::string> finding_lines(const std::vector<Finding>& findings) {
  std::vector<std::string> lines;
  for (const Finding& finding : findings) {
    const char* outcome = finding.outcome == Outcome::holds       ? "YES"
                          : finding.outcome == Outcome::holds_not ? "no"
                                                                  : "inconclusive";
    lines.push_back(fmt::format("fail-if {}: {}: {}{}", finding.condition, outcome,
                                finding.trial.empty() ? "" : finding.trial + ": ", finding.detail));
  }
  return lines;
}

int exit_code(const std::vector<Finding>& findings) {
  const auto any = [&](Outcome outcome) {
    return std::ranges::find(findings, outcome, &Finding::outcome) != findings.end();
  };
  return any(Outcome::holds) ? kExitRegression : any(Outcome::inconclusive) ? kExitInconclusive : kExitOk;
}

}  // namespace stepbench::compare
