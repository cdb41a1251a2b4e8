// `stepbench compare`: which trials differ in speed and in what they learn, within a file or between two; and how speed
// went over three files or more.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "core/config/experiment.hpp"
#include "core/error.hpp"
#include "core/results/result_file.hpp"
#include "core/text/number.hpp"
#include "core/text/suggestion.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/compare/report.hpp"
#include "experiments/history/report.hpp"
#include "experiments/show/speed_margin.hpp"
#include "experiments/terminal/standard_streams.hpp"

namespace stepbench {
namespace {

constexpr std::size_t kMostFiles = 10'000;  // any number that a shell can name

enum class Format { text, markdown, latex, json, csv };
struct NamedFormat {
  std::string_view name;
  Format format;
};
constexpr std::array kFormats = {NamedFormat{"text", Format::text}, NamedFormat{"md", Format::markdown},
                                 NamedFormat{"latex", Format::latex}, NamedFormat{"json", Format::json},
                                 NamedFormat{"csv", Format::csv}};

Format parse_format(const std::string& text) {
  std::vector<std::string_view> names;
  for (const NamedFormat& named : kFormats) {
    if (named.name == text) return named.format;
    names.push_back(named.name);
  }
  throw InputError(fmt::format("compare: --format: found \"{}\", allowed: {}{}", text, fmt::join(names, ", "),
                               suggestion(text, names)));
}

double not_negative(const char* option, const std::string& text, const std::string& number) {
  const std::optional<double> value = parse_number<double>(number);
  if (value && *value >= 0 && std::isfinite(*value)) return *value;
  throw InputError(fmt::format("compare: --{}: found \"{}\", allowed: a number from 0 on", option, text));
}

/// `1%` or `0.01`. A percentage of a loss is one of the baseline's loss; accuracies are fractions already.
compare::Margin parse_margin(const char* option, const std::string& text, bool percent_is_relative) {
  if (!text.ends_with("%")) return {not_negative(option, text, text), false};
  return {not_negative(option, text, text.substr(0, text.size() - 1)) / 100, percent_is_relative};
}

compare::CompareOptions compare_options(const ParsedCommandLine& arguments) {
  compare::CompareOptions options{.speed_margin = speed_margin("compare", arguments)};
  compare::LearningOptions& learning = options.learning;
  const auto given = [&arguments](const char* name) { return arguments.last(name, ""); };
  if (arguments.has("loss-margin")) learning.loss_margin = parse_margin("loss-margin", given("loss-margin"), true);
  if (arguments.has("accuracy-margin")) {
    learning.accuracy_margin = parse_margin("accuracy-margin", given("accuracy-margin"), false);
  }
  if (arguments.has("loss-tolerance")) {
    learning.loss_tolerance = not_negative("loss-tolerance", given("loss-tolerance"), given("loss-tolerance"));
  }
  return options;
}

/// The compare and history namespaces have a report for each format.
std::string report(Format format, const compare::Comparison& comparison,
                   const std::vector<compare::Finding>& findings) {
  switch (format) {
    case Format::text:
      return compare::text_report(comparison, findings);
    case Format::markdown:
      return compare::markdown_report(comparison, findings);
    case Format::latex:
      return compare::latex_report(comparison, findings);
    case Format::json:
      return compare::json_report(comparison, findings);
    case Format::csv:
      break;
  }
  return compare::csv_report(comparison);
}

std::string report(Format format, const history::History& found, const std::vector<compare::Finding>& findings) {
  switch (format) {
    case Format::text:
      return history::text_report(found, findings);
    case Format::markdown:
      return history::markdown_report(found, findings);
    case Format::latex:
      return history::latex_report(found, findings);
    case Format::json:
      return history::json_report(found, findings);
    case Format::csv:
      break;
  }
  return history::csv_report(found);
}

/// What a CSV table has no place for.
void print_remarks(const compare::Comparison& comparison, const std::vector<compare::Finding>& findings) {
  for (const std::string& line : comparison.warnings) write_remark(fmt::format("stepbench: warning: {}\n", line));
  for (const std::string& line : comparison.unmatched) write_remark(fmt::format("stepbench: not compared: {}\n", line));
  for (const compare::Finding& finding : findings) {
    if (finding.outcome == compare::Outcome::holds_not) continue;
    write_remark(fmt::format("stepbench: fail-if {}: {}{}{}\n", finding.condition,
                             finding.outcome == compare::Outcome::holds ? "" : "inconclusive: ",
                             finding.trial.empty() ? "" : finding.trial + ": ", finding.detail));
  }
}

/// What all ways of comparing are asked for.
struct Asked {
  compare::CompareOptions options;
  Format format;
  std::vector<compare::FailCondition> conditions;
  std::string baseline;
};

Asked asked_for(const ParsedCommandLine& arguments) {
  Asked asked{
      compare_options(arguments), parse_format(arguments.last("format", "text")), {}, arguments.last("baseline", "")};
  for (const std::string& text : arguments.all("fail-if")) {
    asked.conditions.push_back(compare::parse_fail_condition(text));
  }
  return asked;
}

int compare_two(const ParsedCommandLine& arguments, const Asked& asked) {
  if (arguments.has("baseline") && !arguments.more_positionals.empty()) {
    throw InputError("compare: --baseline chooses among the trials of one file, but two files are given");
  }
  const ResultFile file = read_result_file(arguments.positional);
  compare::Comparison comparison;
  if (arguments.more_positionals.empty()) {
    comparison = compare::compare_within(file, asked.baseline, asked.options);
  } else {
    comparison = compare::compare_files(file, read_result_file(arguments.more_positionals.front()), asked.options);
    comparison.baseline_file = arguments.more_positionals.front();
  }
  comparison.file = arguments.positional;

  const std::vector<compare::Finding> findings = compare::hold_against(comparison, asked.conditions);
  if (arguments.has("brief")) comparison = compare::brief(std::move(comparison));
  write_output(report(asked.format, comparison, findings));
  if (asked.format == Format::csv) print_remarks(comparison, findings);
  return compare::exit_code(findings);
}

int compare_over_files(const ParsedCommandLine& arguments, const Asked& asked) {
  if (arguments.has("brief")) {
    throw InputError("compare: --brief leaves rows of one or two files out, but three or more are given");
  }
  const bool learning = std::ranges::any_of(asked.conditions, [](const compare::FailCondition& condition) {
    return condition.kind == compare::FailCondition::Kind::learns_worse;
  });
  std::vector<std::string> paths = {arguments.positional};
  paths.insert(paths.end(), arguments.more_positionals.begin(), arguments.more_positionals.end());
  std::vector<history::NamedFile> files;
  for (std::size_t f = 0; f < paths.size(); ++f) {
    const bool steps = learning && f + 2 >= paths.size();  // of all files they would be most of what is read
    files.push_back({paths[f], read_result_file(paths[f], steps ? ReadSeries::yes : ReadSeries::no)});
  }
  const history::History found = history::history_of(files, asked.baseline, asked.options.speed_margin);
  const std::vector<compare::Finding> findings = history::hold_against(found, files, asked.conditions, asked.options);
  write_output(report(asked.format, found, findings));
  if (asked.format == Format::csv) {
    for (const std::string& line : history::remarks(found, findings)) {
      write_remark(fmt::format("stepbench: {}\n", line));
    }
  }
  return compare::exit_code(findings);
}

int run_compare(const ParsedCommandLine& arguments) {
  const Asked asked = asked_for(arguments);
  return arguments.more_positionals.size() < 2 ? compare_two(arguments, asked) : compare_over_files(arguments, asked);
}

}  // namespace

Command compare_command() {
  return {
      {"compare FILE.h5 [BASELINE.h5] [MORE.h5...] [options]",
       "Says which differences are real: in speed, in time to target, and in what was learned.\n"
       "With one file, of every trial to the baseline that ran beside it, paired by round; with two, of FILE's trials "
       "to\n"
       "the same trials of BASELINE, unpaired; with three or more, over the files from the first to the last: each "
       "file's\n"
       "own ratio to a baseline that all have and percent of peak, where they change, and what else differs. Then\n"
       "--fail-if holds the last file against the one before it.\n"
       "Exit codes with --fail-if: 3 a condition holds, 4 none holds but one is inconclusive (no interval, an "
       "interval\n"
       "across the limit, a noise floor above it, a trial that failed or has no counterpart), 0 none holds.",
       "FILE.h5",
       true,
       {{"baseline", 0, "NAME", "a backend or backend-tN of the file to compare with; default: measure.baseline"},
        {"fail-if", 0, "CONDITION", "slower:P% (a step takes over P% longer) or learns-worse; may be repeated"},
        {"brief", 0, "", "only the rows that answer: seeds together, no differences behind the verdicts"},
        {"format", 0, "text|md|latex|json|csv", "default: text"},
        speed_margin_option(),
        {"loss-margin", 0, "M", "losses within M (0.01) or P% of the baseline's are the same; default 1%"},
        {"accuracy-margin", 0, "M", "the same of accuracies; default 0.005"},
        {"loss-tolerance", 0, "R", "losses of a step part when they differ by over R of the larger; default 0.001"}},
       kMostFiles,
       "stepbench compare results/quick.h5 --baseline blas-t1 --fail-if slower:5%"},
      run_compare};
}

}  // namespace stepbench
