// `stepbench compare`: which trials differ in speed and in what they learn, within a file or between two.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "core/config/experiment.hpp"
#include "core/error.hpp"
#include "core/results/result_file.hpp"
#include "core/text/suggestion.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/compare/numbers.hpp"
#include "experiments/compare/report.hpp"
#include "experiments/show/speed_margin.hpp"
#include "experiments/terminal/standard_streams.hpp"

namespace stepbench {
namespace {

enum class Format { text, markdown, json, csv };
struct NamedFormat {
  std::string_view name;
  Format format;
};
constexpr std::array kFormats = {NamedFormat{"text", Format::text}, NamedFormat{"md", Format::markdown},
                                 NamedFormat{"json", Format::json}, NamedFormat{"csv", Format::csv}};

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
  const std::optional<double> value = compare::parse_number(number);
  if (value && *value >= 0) return *value;
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

std::string report(Format format, const compare::Comparison& comparison,
                   const std::vector<compare::Finding>& findings) {
  switch (format) {
    case Format::text:
      return compare::text_report(comparison, findings);
    case Format::markdown:
      return compare::markdown_report(comparison, findings);
    case Format::json:
      return compare::json_report(comparison, findings);
    case Format::csv:
      break;
  }
  return compare::csv_report(comparison);
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

int run_compare(const ParsedCommandLine& arguments) {
  const compare::CompareOptions options = compare_options(arguments);
  const Format format = parse_format(arguments.last("format", "text"));
  std::vector<compare::FailCondition> conditions;
  for (const std::string& text : arguments.all("fail-if")) conditions.push_back(compare::parse_fail_condition(text));
  const std::string baseline_name = arguments.last("baseline", "");
  if (arguments.has("baseline") && !arguments.more_positionals.empty()) {
    throw InputError("compare: --baseline chooses among the trials of one file, but two files are given");
  }

  const ResultFile file = read_result_file(arguments.positional);
  compare::Comparison comparison;
  if (arguments.more_positionals.empty()) {
    comparison = compare::compare_within(file, baseline_name, options);
  } else {
    comparison = compare::compare_files(file, read_result_file(arguments.more_positionals.front()), options);
    comparison.baseline_file = arguments.more_positionals.front();
  }
  comparison.file = arguments.positional;

  const std::vector<compare::Finding> findings = compare::hold_against(comparison, conditions);
  if (arguments.has("brief")) comparison = compare::brief(std::move(comparison));
  write_output(report(format, comparison, findings));
  if (format == Format::csv) print_remarks(comparison, findings);
  return compare::exit_code(findings);
}

}  // namespace

Command compare_command() {
  return {
      {"compare FILE.h5 [BASELINE.h5] [options]",
       "Says which differences are real: in speed, in time to target, and in what was learned.\n"
       "With one file, of every trial to the baseline that ran beside it, paired by round; with two, of FILE's trials "
       "to\n"
       "the same trials of BASELINE, unpaired.\n"
       "Exit codes with --fail-if: 3 a condition holds, 4 none holds but one is inconclusive (no interval, an "
       "interval\n"
       "across the limit, a noise floor above it, a trial that failed or has no counterpart), 0 none holds.",
       "FILE.h5",
       true,
       {{"baseline", 0, "NAME", "a backend or backend-tN of FILE to compare with; default: measure.baseline"},
        {"fail-if", 0, "CONDITION", "slower:P% (a step takes over P% longer) or learns-worse; may be repeated"},
        {"brief", 0, "", "only the rows that answer: seeds together, no differences behind the verdicts"},
        {"format", 0, "text|md|json|csv", "default: text"},
        speed_margin_option(),
        {"loss-margin", 0, "M", "loss differences within M (0.01) or P% of the baseline's loss are none; default 1%"},
        {"accuracy-margin", 0, "M", "the same of accuracies; default 0.005"},
        {"loss-tolerance", 0, "R", "losses of a step part when they differ by over R of the larger; default 0.001"}},
       2,
       "stepbench compare results/quick.h5 --baseline blas-t1 --fail-if slower:5%"},
      run_compare};
}

}  // namespace stepbench
