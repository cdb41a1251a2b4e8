// The reports for people.
#include "experiments/history/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "experiments/compare/numbers.hpp"
#include "experiments/show/speed_margin.hpp"
#include "experiments/terminal/grid.hpp"
#include "experiments/terminal/latex.hpp"

namespace stepbench::history {
namespace {

using Align = TextTable::Align;
using compare::percent_number;
using compare::ratio_number;
using compare::time_number;

const std::string kNothing = "-";

/// `results/new.h5 (34ec52d89188, 2026-11-27)`
std::string file_text(const FileFacts& file) {
  return fmt::format("{} ({}, {})", file.name, file.commit, file.created.substr(0, file.created.find('T')));
}

std::string peak_text(double percent) { return std::isnan(percent) ? kNothing : fmt::format("{:.1f}", percent); }

Grid file_grid(const History& history) {
  Grid grid{.title = "Files", .columns = {{"#"}}};
  for (const char* heading : {"file", "created", "commit", "machine"}) grid.columns.push_back({heading, Align::left});
  for (const FileFacts& file : history.files) {
    grid.rows.push_back({std::to_string(grid.rows.size() + 1), file.name, file.created, file.commit, file.machine});
  }
  return grid;
}

/// The change to file `f`; null for the first that has the series.
const Change* change_to(const History& history, std::size_t series, std::size_t f) {
  const auto found =
      std::ranges::find_if(history.consecutive, [=](const Change& of) { return of.series == series && of.to == f; });
  return found == history.consecutive.end() ? nullptr : &*found;
}

std::vector<std::string> change_cells(const History& history, const Change* change) {
  if (change == nullptr) return {kNothing, kNothing, kNothing};
  const RatioEstimate& speed = change->evidence.speed;
  const std::string low = ratio_number(speed.low);
  return {ratio_number(speed.ratio) + "x", low == "-" ? low : fmt::format("{} .. {}", low, ratio_number(speed.high)),
          fmt::format("{}{}", speed_finding(change->evidence, history.speed_margin),
                      change->is_change_point ? ": change point" : "")};
}

/// A row per series and file.
Grid speed_grid(const History& history) {
  const std::vector<Series>& all = history.found.series;
  const bool settings = std::ranges::any_of(all, [](const Series& of) { return !of.settings.empty(); });
  const bool baselines = std::ranges::any_of(all, [&](const Series& of) { return of.baseline != all[0].baseline; });
  Grid grid{.title = "Speed over the files"};
  if (settings) grid.columns.push_back({"settings", Align::left});
  grid.columns.push_back({"trial", Align::left});
  if (baselines) grid.columns.push_back({"against", Align::left});
  for (const char* heading : {"#", "speed", "95% interval", "% of peak", "baseline's"})
    grid.columns.push_back({heading});
  if (history.found.one_machine) grid.columns.push_back({"step time"});
  for (const char* heading : {"change", "95% interval"}) grid.columns.push_back({heading});
  grid.columns.push_back({"verdict", Align::left});
  for (std::size_t s = 0; s < all.size(); ++s) {
    if (s > 0) grid.rows.emplace_back();
    for (std::size_t f = 0; f < history.files.size(); ++f) {
      if (!all[s].points[f]) continue;
      const Point& point = *all[s].points[f];
      const RatioEstimate& speed = point.speed.speed;
      std::vector<std::string> cells;
      if (settings) cells.push_back(all[s].settings);
      cells.push_back(all[s].trial);
      if (baselines) cells.push_back(all[s].baseline);
      const std::string low = ratio_number(speed.low);
      cells.insert(cells.end(), {std::to_string(f + 1), ratio_number(speed.ratio) + "x",
                                 low == "-" ? low : fmt::format("{} .. {}", low, ratio_number(speed.high)),
                                 peak_text(point.percent_of_peak), peak_text(point.baseline_percent_of_peak)});
      if (history.found.one_machine) cells.push_back(time_number(point.step_time));
      std::ranges::move(change_cells(history, change_to(history, s, f)), std::back_inserter(cells));
      grid.rows.push_back(std::move(cells));
    }
  }
  return grid;
}

Grid difference_grid(const History& history) {
  Grid grid{.title = "What else differs"};
  for (const char* heading : {"files", "of", "name", "before", "after"}) {
    grid.columns.push_back({heading, Align::left});
  }
  const auto shown = [](const std::string& text) { return text.empty() ? kNothing : text; };
  for (const Step& step : history.steps) {
    if (!grid.rows.empty()) grid.rows.emplace_back();
    for (const Difference& of : step.differences) {
      grid.rows.push_back(
          {fmt::format("{} to {}", step.to, step.to + 1), of.of, of.name, shown(of.before), shown(of.after)});
    }
  }
  return grid;
}

std::vector<Grid> grids(const History& history) {
  std::vector<Grid> all = {file_grid(history), speed_grid(history), difference_grid(history)};
  std::erase_if(all, [](const Grid& grid) { return grid.rows.empty(); });
  return all;
}

std::string headline(const History& history) {
  std::set<std::string> baselines;
  for (const Series& series : history.found.series) baselines.insert(series.baseline);
  return fmt::format("{}: {} files, speeds relative to {} of the same file, paired by its own rounds",
                     history.experiment, history.files.size(), fmt::join(baselines, ", "));
}

/// How to read the tables.
std::vector<std::string> legend(const History& history) {
  const std::string margin = margin_percent(history.speed_margin);
  std::vector<std::string> lines = {
      "speed: over the baseline of the same file; change: this speed over that of the file before, with the interval "
      "of "
      "two runs that are independent.",
      fmt::format("change point: faster or slower, outside the noise floor of both, and by more than {}. It may be the "
                  "baseline's: its percent of peak says so.",
                  margin),
      fmt::format(
          "{} pairs of files were compared, each with a 95% interval: of so many one in twenty misses by chance, "
          "and margin and noise floor keep most of those from being named.",
          history.consecutive.size())};
  if (!history.found.one_machine) {
    lines.emplace_back(
        "the files are of different machines, whose step times are not to be compared: they are left out. Ratios carry "
        "over between machines of a kind.");
  }
  return lines;
}

}  // namespace

std::string change_text(const Change& change) {
  const RatioEstimate& speed = change.evidence.speed;
  const bool slower = speed.ratio < 1;
  const auto share = [slower](double ratio) { return percent_number(slower ? 1 / ratio - 1 : ratio - 1); };
  return fmt::format("{} by {} [{}, {}]", slower ? "slower" : "faster", share(speed.ratio),
                     share(slower ? speed.high : speed.low), share(slower ? speed.low : speed.high));
}

std::vector<std::string> change_point_lines(const History& history) {
  const auto line = [&](const Change& change, const char* over) {
    const Series& series = history.found.series[change.series];
    const Point &before = *series.points[change.from], &after = *series.points[change.to];
    const FileFacts &from = history.files[change.from], &to = history.files[change.to];
    std::string text =
        fmt::format("{}: {} {} {} and {}: {}x to {}x", name_of(series), change_text(change), over, file_text(from),
                    file_text(to), ratio_number(before.speed.speed.ratio), ratio_number(after.speed.speed.ratio));
    if (!std::isnan(before.percent_of_peak) && !std::isnan(after.percent_of_peak)) {
      text += fmt::format(", {}% to {}% of peak, the baseline {}% to {}%", peak_text(before.percent_of_peak),
                          peak_text(after.percent_of_peak), peak_text(before.baseline_percent_of_peak),
                          peak_text(after.baseline_percent_of_peak));
    }
    return text + (from.machine == to.machine ? "" : "; the machines differ, and with them the ratio");
  };
  std::vector<std::string> lines;
  std::set<std::size_t> named;
  for (const Change& change : history.consecutive) {
    if (!change.is_change_point) continue;
    lines.push_back(line(change, "between"));
    named.insert(change.series);
  }
  for (const Change& change : history.over_all) {
    if (change.is_change_point && !named.contains(change.series))
      lines.push_back(line(change, "little by little between"));
  }
  return lines;
}

std::vector<std::string> remarks(const History& history, const std::vector<Finding>& findings) {
  std::vector<std::string> lines;
  for (const std::string& line : history.found.warnings) lines.push_back("warning: " + line);
  for (const std::string& line : history.found.not_compared) lines.push_back("not compared: " + line);
  std::ranges::move(compare::finding_lines(findings), std::back_inserter(lines));
  return lines;
}

std::string text_report(const History& history, const std::vector<Finding>& findings) {
  std::string text = headline(history) + "\n";
  for (const Grid& grid : grids(history)) text += "\n" + drawn_as_text(grid);
  std::vector<std::string> changes = change_point_lines(history);
  if (changes.empty()) changes.emplace_back("none");
  text += fmt::format("\nChange points\n{}\n", fmt::join(changes, "\n"));
  for (const auto& lines : {remarks(history, findings), legend(history)}) {
    if (!lines.empty()) text += fmt::format("\n{}\n", fmt::join(lines, "\n"));
  }
  return text;
}

std::string markdown_report(const History& history, const std::vector<Finding>& findings) {
  std::string text = fmt::format("## {}\n", headline(history));
  for (const Grid& grid : grids(history)) text += "\n" + drawn_as_markdown(grid);
  std::vector<std::string> changes = change_point_lines(history);
  if (changes.empty()) changes.emplace_back("none");
  text += fmt::format("\n### Change points\n\n- {}\n", fmt::join(changes, "\n- "));
  const std::vector<std::string> lines = remarks(history, findings);
  if (!lines.empty()) text += fmt::format("\n- {}\n", fmt::join(lines, "\n- "));
  return text + fmt::format("\n{}\n", fmt::join(legend(history), "\n"));
}

std::string latex_report(const History& history, const std::vector<Finding>& findings) {
  std::string text = latex_comment(headline(history));
  for (const Grid& grid : grids(history)) {
    std::vector<std::string> notes;
    if (grid.title == speed_grid(history).title) {
      notes = change_point_lines(history);
      std::ranges::move(legend(history), std::back_inserter(notes));
    }
    text += "\n" + drawn_as_latex(grid.table(), grid.title, notes);
  }
  const std::vector<std::string> lines = remarks(history, findings);
  return lines.empty() ? text : text + "\n" + latex_comment(fmt::format("{}", fmt::join(lines, "\n")));
}

}  // namespace stepbench::history
