// A history as people and programs read it. Nothing is computed here.
#pragma once

#include <string>
#include <vector>

#include "experiments/history/history.hpp"

namespace stepbench::history {

using compare::Finding;

/// Tables for a terminal, the change points in words, and how to read them.
[[nodiscard]] std::string text_report(const History& history, const std::vector<Finding>& findings);
/// The same as GitHub's Markdown.
[[nodiscard]] std::string markdown_report(const History& history, const std::vector<Finding>& findings);
/// The same as tables for LaTeX.
[[nodiscard]] std::string latex_report(const History& history, const std::vector<Finding>& findings);
/// All of it, unrounded, what is not a number as null.
[[nodiscard]] std::string json_report(const History& history, const std::vector<Finding>& findings);
/// A line per trial and file. Files of several machines have no step times in it.
[[nodiscard]] std::string csv_report(const History& history);

/// `slower by 12.0% [10.1%, 13.9%]`, of a change in either direction.
[[nodiscard]] std::string change_text(const Change& change);
/// A line for each change point, and one for each series that changed over all files alone.
[[nodiscard]] std::vector<std::string> change_point_lines(const History& history);
/// Warnings, what was not compared, what `--fail-if` found.
[[nodiscard]] std::vector<std::string> remarks(const History& history, const std::vector<Finding>& findings);

}  // namespace stepbench::history
