// `--fail-if`: turning a comparison into an exit code, for scripts that guard against regressions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "experiments/compare/comparison.hpp"

namespace stepbench::compare {

/// `slower:P%`: a training step takes more than P percent longer than the baseline's. `learns-worse`: the verdict on
/// learning is `different`, and for the worse.
struct FailCondition {
  enum class Kind { slower, learns_worse };
  Kind kind;
  double slowdown;   // 0.05 for 5 %
  std::string text;  // as it was asked for
};

/// Throws InputError.
[[nodiscard]] FailCondition parse_fail_condition(const std::string& text);

enum class Outcome { holds_not, inconclusive, holds };
[[nodiscard]] std::string_view to_text(Outcome outcome);  // `holds not`, ...

/// A condition held against one match, or against a trial that could not be compared.
struct Finding {
  std::string condition, trial;
  Outcome outcome;
  std::string detail;
};

/// What `slower:P%` says of a speed: decided as in a race, with P% as the margin (slowdown_limit.hpp). `detail` begins
/// what is told: what the speed is of.
[[nodiscard]] Finding slower_finding(const FailCondition& condition, std::string trial, std::string detail,
                                     const SpeedEvidence& evidence);

/// A finding per condition and match (with its seeds together), and one inconclusive finding per trial that has no
/// counterpart or did not complete.
[[nodiscard]] std::vector<Finding> hold_against(const Comparison& comparison,
                                                const std::vector<FailCondition>& conditions);

/// `fail-if slower:5%: YES: tbb-t1: 0.9 times ...`, a line for each.
[[nodiscard]] std::vector<std::string> finding_lines(const std::vector<Finding>& findings);

/// kExitRegression if any holds, else kExitInconclusive if any is inconclusive, else kExitOk.
[[nodiscard]] int exit_code(const std::vector<Finding>& findings);

}  // namespace stepbench::compare
