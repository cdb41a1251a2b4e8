// A comparison as people and programs read it. Nothing is computed here.
#pragma once

#include <string>
#include <vector>

#include "experiments/compare/comparison.hpp"
#include "experiments/compare/fail_if.hpp"

namespace stepbench::compare {

/// Tables for a terminal, and how to read them.
[[nodiscard]] std::string text_report(const Comparison& comparison, const std::vector<Finding>& findings);
/// The same as GitHub's Markdown.
[[nodiscard]] std::string markdown_report(const Comparison& comparison, const std::vector<Finding>& findings);
/// A table of LaTeX for each, how to read them below the last, and what else there is to say as comments.
[[nodiscard]] std::string latex_report(const Comparison& comparison, const std::vector<Finding>& findings);
/// All of it; what is not a number (NaN, an infinite median) is null, seconds and ratios are unrounded.
[[nodiscard]] std::string json_report(const Comparison& comparison, const std::vector<Finding>& findings);
/// A line per quantity, trial and seed (or `all` seeds of several): value and baseline value, the estimate of what is
/// between them with its interval, what the estimate is held against (noise floor or margin), verdict, margin, reason.
/// Warnings, unmatched trials and findings have no place in it.
[[nodiscard]] std::string csv_report(const Comparison& comparison);

}  // namespace stepbench::compare
