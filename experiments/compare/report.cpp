#include "experiments/compare/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "experiments/compare/numbers.hpp"
#include "experiments/show/found_line.hpp"
#include "experiments/show/speed_margin.hpp"
#include "experiments/terminal/grid.hpp"
#include "experiments/terminal/latex.hpp"

namespace stepbench::compare {
namespace {

using Align = TextTable::Align;

/// Settings, trial, seeds, baseline: only those that tell rows apart.
class RowNames {
 public:
  explicit RowNames(const Comparison& comparison) {
    for (const SpeedRow& row : comparison.speed) {
      settings_ = settings_ || !row.settings.empty();
      seeds_ = seeds_ || row.seeds != comparison.speed.front().seeds;
      baselines_ = baselines_ || row.baseline != comparison.speed.front().baseline;
    }
    baselines_ = baselines_ && comparison.paired;  // between two files each trial is held against its namesake
  }

  [[nodiscard]] std::vector<Grid::Column> columns() const {
    std::vector<Grid::Column> columns;
    if (settings_) columns.push_back({"settings", Align::left});
    columns.push_back({"trial", Align::left});
    if (baselines_) columns.push_back({"against", Align::left});
    if (seeds_) columns.push_back({"seed", Align::left});
    return columns;
  }

  template <typename Row>
  [[nodiscard]] std::vector<std::string> cells(const Row& row) const {
    std::vector<std::string> cells;
    if (settings_) cells.push_back(row.settings);
    cells.push_back(row.trial);
    if (baselines_) cells.push_back(row.baseline);
    if (seeds_) {
      cells.push_back(row.seeds.size() == 1 ? join_numbers(row.seeds) : fmt::format("all {}", row.seeds.size()));
    }
    return cells;
  }

 private:
  bool settings_ = false, seeds_ = false, baselines_ = false;
};

std::string interval(const std::string& low, const std::string& high) {
  return low == "-" ? "-" : fmt::format("{} .. {}", low, high);
}

Grid speed_grid(const Comparison& comparison, const RowNames& names) {
  Grid grid{"Speed", names.columns(), {}};
  for (const char* heading : {"step time", "baseline's", "speed", "95% interval", "noise floor", "rounds"}) {
    grid.columns.push_back({heading, Align::right});
  }
  grid.columns.push_back({"verdict", Align::left});
  for (const SpeedRow& row : comparison.speed) {
    const auto& [speed, noise_floor, basis, withheld_among] = row.evidence;
    std::vector<std::string> cells = names.cells(row);
    const std::string ratio = ratio_number(speed.ratio);
    cells.insert(cells.end(),
                 {time_number(row.step_time), time_number(row.baseline_step_time), ratio == "-" ? ratio : ratio + "x",
                  interval(ratio_number(speed.low), ratio_number(speed.high)), percent_number(noise_floor),
                  std::to_string(speed.pairs), speed_finding(row.evidence, comparison.options.speed_margin)});
    grid.rows.push_back(std::move(cells));
  }
  return grid;
}

std::string partings(const LearningComparison& row) {
  std::size_t known = 0, parted = 0;
  std::int64_t first = -1;
  for (const Parting& parting : row.partings) {
    known += parting.known ? 1U : 0U;
    if (!parting.step) continue;
    first = parted++ == 0 ? *parting.step : std::min(first, *parting.step);
  }
  if (known == 0) return "not recorded";
  if (parted == 0) return "never";
  if (row.partings.size() == 1) return fmt::format("at step {}", first);
  return fmt::format("first at step {} ({} of {} seeds)", first, parted, known);
}

Grid learning_grid(const Comparison& comparison, const RowNames& names) {
  Grid grid{"Learning", names.columns(), {}};
  for (const char* heading : {"verdict", "because", "training losses part"}) {
    grid.columns.push_back({heading, Align::left});
  }
  for (const LearningComparison& row : comparison.learning) {
    std::vector<std::string> cells = names.cells(row);
    cells.insert(cells.end(), {std::string(to_text(row.verdict)), row.why, partings(row)});
    grid.rows.push_back(std::move(cells));
  }
  return grid;
}

Grid metric_grid(const Comparison& comparison, const RowNames& names) {
  Grid grid{"Differences in what was learned", names.columns(), {}};
  grid.columns.push_back({"metric", Align::left});
  for (const char* heading : {"mean", "baseline's", "difference", "95% interval", "seed spread", "margin"}) {
    grid.columns.push_back({heading, Align::right});
  }
  grid.columns.push_back({"verdict", Align::left});
  for (const LearningComparison& row : comparison.learning) {
    for (const MetricRow& metric : row.metrics) {
      std::vector<std::string> cells = names.cells(row);
      cells.insert(cells.end(), {metric.metric, short_number(metric.value), short_number(metric.baseline_value),
                                 signed_number(metric.difference.mean),
                                 interval(signed_number(metric.difference.low), signed_number(metric.difference.high)),
                                 short_number(metric.baseline_spread), short_number(metric.margin),
                                 fmt::format("{} ({})", to_text(metric.verdict), metric.why)});
      grid.rows.push_back(std::move(cells));
    }
  }
  return grid;
}

std::string time_text(const TimesToTarget& time) {
  std::string median = std::isfinite(time.median) ? time_number(time.median) : "not reached";
  if (time.seconds.size() == 1) return median;
  std::string text = fmt::format("{} ({} of {} seeds", median, time.reached, time.seconds.size());
  if (time.reached > 0) text += fmt::format(": {} .. {}", time_number(time.shortest), time_number(time.longest));
  return text + ")";
}

Grid target_grid(const Comparison& comparison, const RowNames& names) {
  Grid grid{"Training time to target", names.columns(), {}};
  for (const char* heading : {"target", "time", "baseline's"}) grid.columns.push_back({heading, Align::left});
  for (const TargetRow& row : comparison.targets) {
    std::vector<std::string> cells = names.cells(row);
    cells.insert(cells.end(), {row.target, time_text(row.time), time_text(row.baseline_time)});
    grid.rows.push_back(std::move(cells));
  }
  return grid;
}

std::vector<Grid> grids(const Comparison& comparison) {
  const RowNames names(comparison);
  std::vector<Grid> all = {speed_grid(comparison, names), target_grid(comparison, names),
                           learning_grid(comparison, names), metric_grid(comparison, names)};
  std::erase_if(all, [](const Grid& grid) { return grid.rows.empty(); });
  return all;
}

std::string headline(const Comparison& comparison) {
  if (!comparison.paired) {
    return fmt::format("{}: {} against {}, unpaired: two files share no rounds", comparison.experiment, comparison.file,
                       comparison.baseline_file);
  }
  const bool one = std::ranges::all_of(
      comparison.speed, [&](const SpeedRow& row) { return row.baseline == comparison.speed.front().baseline; });
  return fmt::format("{}: {} against {} of the same seed, paired by round", comparison.experiment, comparison.file,
                     one && !comparison.speed.empty() ? comparison.speed.front().baseline : "the baseline");
}

std::vector<std::string> remarks(const Comparison& comparison, const std::vector<Finding>& findings) {
  std::vector<std::string> lines;
  for (const std::string& line : comparison.warnings) lines.push_back("warning: " + line);
  for (const std::string& line : comparison.unmatched) lines.push_back("not compared: " + line);
  for (const std::string& line : comparison.notes) lines.push_back("note: " + line);
  std::ranges::move(finding_lines(findings), std::back_inserter(lines));
  return lines;
}

std::string margin_text(const Margin& margin, const char* of) {
  return margin.relative ? fmt::format("{:g}% of {}", 100 * margin.value, of) : fmt::format("{:g}", margin.value);
}

/// How to read the tables that are there.
std::vector<std::string> legend(const Comparison& comparison) {
  if (comparison.speed.empty()) return {};
  const LearningOptions& options = comparison.options.learning;
  std::vector<SpeedEvidence> compared;
  for (const SpeedRow& row : comparison.speed) {
    if (row.decides) compared.push_back(row.evidence);
  }
  std::vector<std::string> lines = {
      "speed: the baseline's step time over the trial's (means of the rounds' medians), above 1 is faster.",
      fmt::format(
          "same when the interval lies within {}, and so does the noise floor (how far the baseline may be from its "
          "own twin; -: no twin);",
          margin_percent(comparison.options.speed_margin)),
      "else faster or slower when the interval excludes 1 and the ratio is outside the noise floor."};
  for (const std::string& line : {processes_line(compared), found_line(compared)}) {
    if (!line.empty()) lines.push_back(line.substr(0, line.size() - 1) + ".");
  }
  lines.push_back(fmt::format(
      "learning: same when the 95% interval of the seed-paired difference is inside the margin (loss: {}; accuracy: "
      "{}),",
      margin_text(options.loss_margin, "the baseline's"), margin_text(options.accuracy_margin, "the baseline's")));
  lines.emplace_back(
      "different when it excludes 0 and is not inside. With one seed: same only when the loss curves coincide.");
  lines.push_back(
      fmt::format("training losses part: at the first step where they differ by more than {:g} of the larger.",
                  options.loss_tolerance));
  return lines;
}

}  // namespace

std::string text_report(const Comparison& comparison, const std::vector<Finding>& findings) {
  std::string text = headline(comparison) + "\n";
  for (const Grid& grid : grids(comparison)) text += "\n" + drawn_as_text(grid);
  for (const auto& lines : {remarks(comparison, findings), legend(comparison)}) {
    if (!lines.empty()) text += fmt::format("\n{}\n", fmt::join(lines, "\n"));
  }
  return text;
}

std::string markdown_report(const Comparison& comparison, const std::vector<Finding>& findings) {
  std::string text = fmt::format("## {}\n", headline(comparison));
  for (const Grid& grid : grids(comparison)) text += "\n" + drawn_as_markdown(grid);
  const std::vector<std::string> lines = remarks(comparison, findings), explanation = legend(comparison);
  if (!lines.empty()) text += fmt::format("\n- {}\n", fmt::join(lines, "\n- "));
  if (!explanation.empty()) text += fmt::format("\n{}\n", fmt::join(explanation, "\n"));
  return text;
}

std::string latex_report(const Comparison& comparison, const std::vector<Finding>& findings) {
  std::string text = latex_comment(headline(comparison));
  const std::vector<Grid> all = grids(comparison);
  for (const Grid& grid : all) {
    const bool last = &grid == &all.back();
    text += "\n" + drawn_as_latex(grid.table(), grid.title, last ? legend(comparison) : std::vector<std::string>());
  }
  const std::vector<std::string> lines = remarks(comparison, findings);
  return lines.empty() ? text : fmt::format("{}\n{}", text, latex_comment(fmt::format("{}", fmt::join(lines, "\n"))));
}

}  // namespace stepbench::compare
