// `stepbench show`
#include <fmt/format.h>

#include "core/error.hpp"
#include "core/results/result_file.hpp"
#include "core/text/text.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/show/results_table.hpp"
#include "experiments/show/speed_margin.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/standard_streams.hpp"

namespace stepbench {
namespace {

TableFormat parse_format(const std::string& text) {
  if (text == "text") return TableFormat::text;
  if (text == "latex") return TableFormat::latex;
  throw InputError(fmt::format("show: --format: found \"{}\", allowed: text, latex", printable(text)));
}

int run_show(const ParsedCommandLine& arguments) {
  const double margin = speed_margin("show", arguments);
  const TableFormat format = parse_format(arguments.last("format", "text"));
  const ResultFile result = read_result_file(arguments.positional, ReadSeries::no);
  write_output(results_table(result, margin, arguments.has("all") ? SeedRows::each : SeedRows::together, format));
  return kExitOk;
}

}  // namespace

Command show_command() {
  return {{"show FILE.h5 [options]",
           "Prints the table of a result file, as `run` printed it.\n"
           "Trials that differ in the seed alone share a row: means with their spread over the seeds that completed, "
           "and\n"
           "speeds against the baseline over all their rounds. --all prints a row for each.",
           "FILE.h5",
           true,
           {{"all", 'a', "", "a row for each seed"},
            {"format", 0, "text|latex", "default: text; latex: a table to \\input, without packages"},
            speed_margin_option()},
           1,
           "stepbench show results/quick.h5"},
          run_show};
}

}  // namespace stepbench
