#include "experiments/expect/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/text/text.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/latex.hpp"

namespace stepbench {
namespace {

// Claims and publications are sentences; the tables above them are about as wide.
constexpr std::size_t kColumns = 130;

constexpr std::string_view kNotReproduced = "not-reproduced";

std::string number(double value) { return std::isnan(value) ? "-" : fmt::format("{:.4g}", value); }

/// `0.957 [0.948, 0.966], 5 runs`; `0.957, one run`
std::string found_text(const ExpectationRecord& record) {
  if (std::isnan(record.value)) return "-";
  const bool interval = record.low != record.high;
  const std::string runs = record.runs == 1 ? "one run" : fmt::format("{} runs", record.runs);
  if (!interval) return fmt::format("{}, {}", number(record.value), runs);
  return fmt::format("{} [{}, {}], {}", number(record.value), number(record.low), number(record.high), runs);
}

std::string claim_text(std::string_view claim, std::string_view tolerance) {
  return tolerance.empty() ? std::string(claim) : fmt::format("{}, tolerance {}", claim, tolerance);
}

/// Of the cell that the row is of, and why.
std::string line_of(const ExpectationRecord& record) {
  std::string text;
  if (record.cells > 1) text = fmt::format("the least agreeable of {} combinations: {}", record.cells, record.cell);
  if (!record.why.empty()) text += (text.empty() ? "" : "; ") + record.why;
  return text.empty() ? "" : fmt::format("{}: {}\n", record.name, text);
}

constexpr const char* kLegend =
    "found: mean over the seeds with its interval, each bound 95% (both together for =, in); one run is judged by its\n"
    "value alone; all inside what is expected, tolerance included: reproduced; all outside: not reproduced. Of "
    "several\n"
    "combinations of what the sweep varies besides, the one that agrees least\n";

}  // namespace

std::string expectations_of_plan(std::span<const Expectation> expectations) {
  if (expectations.empty()) return "";
  std::string text = "expected:\n";
  for (const Expectation& expectation : expectations) {
    text += fmt::format("  {}: {}", expectation.name, claim_text(expectation.claim, expectation.tolerance));
    if (!expectation.published.empty()) text += fmt::format(" ({})", expectation.published);
    text += "\n";
  }
  return text;
}

std::string expectation_table(std::span<const ExpectationRecord> expectations, TableFormat format) {
  if (expectations.empty()) return "";
  const bool published =
      std::ranges::any_of(expectations, [](const ExpectationRecord& record) { return !record.published.empty(); });
  TextTable table;
  for (const char* heading : {"expectation", "verdict", "found", "expected"}) {
    table.add_column(heading, TextTable::Align::left);
  }
  if (published) table.add_column("published", TextTable::Align::left);
  std::vector<std::string> lines;
  for (const ExpectationRecord& record : expectations) {
    std::vector<std::string> cells = {record.name, std::string(to_text(record.verdict)), found_text(record),
                                      claim_text(record.claim, record.tolerance)};
    if (published) cells.push_back(record.published.empty() ? "-" : record.published);
    table.add_row(std::move(cells));
    const std::string line = line_of(record);
    if (!line.empty()) lines.push_back(line);
  }
  if (format == TableFormat::latex) {
    lines.emplace_back(kLegend);
    return drawn_as_latex(table, "Expectations", lines);
  }
  std::string text = "expectations:\n" + table.text(kColumns) + "\n";
  for (const std::string& line : lines) text += line;
  return text + kLegend;
}

Option fail_if_option() {
  return {"fail-if", 0, std::string(kNotReproduced),
          "exit 3 when an expectation is not reproduced, 4 when one cannot be told"};
}

bool fails_if_not_reproduced(std::string_view command, const ParsedCommandLine& arguments) {
  if (!arguments.has("fail-if")) return false;
  for (const std::string& condition : arguments.all("fail-if")) {
    if (condition == kNotReproduced) continue;
    throw InputError(fmt::format("{}: --fail-if: found \"{}\", allowed: {}; `stepbench compare` has others", command,
                                 printable(condition), kNotReproduced));
  }
  return true;
}

int exit_code(std::span<const ExpectationRecord> expectations) {
  const auto any = [&](auto... verdicts) {
    return std::ranges::any_of(expectations,
                               [&](const ExpectationRecord& record) { return ((record.verdict == verdicts) || ...); });
  };
  return any(ExpectationVerdict::not_reproduced)                                ? kExitRegression
         : any(ExpectationVerdict::cannot_tell, ExpectationVerdict::not_judged) ? kExitInconclusive
                                                                                : kExitOk;
}

}  // namespace stepbench
