// `stepbench show`
#include <fmt/format.h>

#include "core/error.hpp"
#include "core/results/result_file.hpp"
#include "core/text/text.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/expect/judge_results.hpp"
#include "experiments/expect/report.hpp"
#include "experiments/plan/data_folders.hpp"
#include "experiments/show/results_table.hpp"
#include "experiments/show/speed_margin.hpp"
#include "experiments/show/why_table.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/standard_streams.hpp"

namespace stepbench {
namespace {

/// With --why: text or json.
int show_why(const ResultFile& result, const std::string& format) {
  if (format != "text" && format != "json") {
    throw InputError(fmt::format("show: --format: found \"{}\", allowed: with --why text, json", printable(format)));
  }
  write_output(format == "json" ? why_json(result) : why_table(result));
  return kExitOk;
}

TableFormat parse_format(const std::string& text) {
  if (text == "text") return TableFormat::text;
  if (text == "latex") return TableFormat::latex;
  throw InputError(
      fmt::format("show: --format: found \"{}\", allowed: text, latex, and with --why json", printable(text)));
}

/// With its expectations as they were judged when it was written, or by those of --expect CONFIG.
ResultFile read_judged(const ParsedCommandLine& arguments) {
  if (!arguments.has("expect")) return read_result_file(arguments.positional, ReadSeries::no);
  const Experiment experiment = load_experiment(find_config(arguments.last("expect", "")), {}, key_table());
  if (experiment.expectations.empty()) {
    throw InputError(fmt::format("show: --expect: {} has no [expect]", experiment.file.string()));
  }
  ResultFile result = read_result_file(arguments.positional);
  result.expectations = judge_expectations(experiment.expectations, result);
  return result;
}

int run_show(const ParsedCommandLine& arguments) {
  const bool fail_if = fails_if_not_reproduced("show", arguments);
  const double margin = speed_margin("show", arguments);
  const std::string format = arguments.last("format", "text");
  if (arguments.has("why") && (fail_if || arguments.has("expect"))) {
    throw InputError("show: --why prints no expectations: leave --expect and --fail-if out");
  }
  if (arguments.has("why")) return show_why(read_result_file(arguments.positional, ReadSeries::no), format);
  const TableFormat table_format = parse_format(format);
  const ResultFile result = read_judged(arguments);
  if (fail_if && result.expectations.empty()) {
    throw InputError(
        fmt::format("show: --fail-if: {} has no expectations, allowed: with --expect CONFIG", arguments.positional));
  }
  write_output(results_table(result, margin, arguments.has("all") ? SeedRows::each : SeedRows::together, table_format));
  return fail_if ? exit_code(result.expectations) : kExitOk;
}

}  // namespace

Command show_command() {
  return {
      {"show FILE.h5 [options]",
       "Prints the table of a result file, as `run` printed it.\n"
       "Trials that differ in the seed alone share a row: means with their spread over the seeds that completed, "
       "and\n"
       "speeds against the baseline over all their rounds. --all prints a row for each.\n"
       "--why tells instead, of each trial and phase of its steps, what it was limited by: compute, memory, too\n"
       "little parallel work, or overhead, with the numbers behind it, and what it took of memory.\n"
       "What the config expected ([expect]) stands below the table with its verdict; --expect judges the file by "
       "what\n"
       "another config expects, or the same one by now.\n"
       "Exit codes with --fail-if not-reproduced: 3 an expectation is not reproduced, 4 none is that but one "
       "cannot be\n"
       "told, 0 all are reproduced.",
       "FILE.h5",
       true,
       {{"all", 'a', "", "a row for each seed"},
        {"why", 'w', "", "what limited each phase of the steps"},
        {"format", 0, "text|latex|json", "default: text; latex: a table to \\input, without packages; json: of --why"},
        {"expect", 0, "CONFIG", "judge by the [expect] of a path or a shipped experiment"},
        fail_if_option(),
        speed_margin_option()},
       1,
       "stepbench show results/quick.h5"},
      run_show};
}

}  // namespace stepbench
