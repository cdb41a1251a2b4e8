// `stepbench plan`
#include <fmt/format.h>

#include <optional>

#include "core/error.hpp"
#include "core/text/number.hpp"
#include "core/text/percentage.hpp"
#include "core/text/text.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/detect/duration.hpp"
#include "experiments/detect/pilot.hpp"
#include "experiments/detect/report.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/standard_streams.hpp"

namespace stepbench {
namespace {

double parse_difference(const std::string& text) {
  const std::optional<double> difference = parse_percentage(text);
  if (difference && *difference > 0) return *difference;
  throw InputError(
      fmt::format("plan: --detect: found \"{}\", allowed: a percentage above 0%, as in 2%", printable(text)));
}

double parse_power(const std::string& text) {
  const std::optional<double> power = parse_number<double>(text, std::chars_format::fixed);
  if (power && *power >= kLeastPower && *power <= kMostPower) return *power;
  throw InputError(fmt::format("plan: --power: found \"{}\", allowed: a number from {} to {}, as in 0.9",
                               printable(text), kLeastPower, kMostPower));
}

int run_plan(const ParsedCommandLine& arguments) {
  detect::Question question{.difference = parse_difference(arguments.last("detect", "2%")),
                            .power = parse_power(arguments.last("power", fmt::format("{}", kUsualPower)))};
  if (arguments.has("within")) question.within = detect::parse_duration(arguments.last("within", ""), "plan: --within");
  const Experiment experiment = load_config(arguments);
  const std::vector<PlannedGroup> groups = plan_experiment(experiment, backends());
  print_warnings(plan_warnings(groups));
  const detect::Pilot pilot = detect::run_pilot(groups, arguments.has("quiet") ? Verbosity::quiet : Verbosity::normal);
  write_output(detect::plan_text(experiment.settings.name, pilot, question));
  return pilot.gate_failed ? kExitGateFailed : pilot.failures.empty() ? kExitOk : kExitFailure;
}

}  // namespace

Command plan_command() {
  return {{"plan CONFIG [options]",
           "Says how many rounds a config takes to find a difference in speed, and how long that is.\n"
           "A short pilot, 12 rounds of each group with the config's own blocks, shows how much rounds vary; the "
           "verdict's\n"
           "rule on rounds drawn to vary as much says how many of them find the difference with the power asked for. "
           "Groups\n"
           "that differ in their seed alone share a pilot. Nothing is written.\n"
           "Exit codes: 0 done, 1 a trial failed, 2 command line, config or data, 5 a backend failed its check, 130\n"
           "interrupted.",
           "CONFIG",
           true,
           {set_option(),
            {"detect", 0, "P%", "the difference to find; default 2%"},
            {"power", 0, "P", "the share of such runs that are to find it, from 0.5 to 0.99; default 0.9"},
            {"within", 0, "TIME", "say also what could be found in that time, as in 90s, 10min, 1h"},
            {"quiet", 'q', "", "no progress"}},
           1,
           "stepbench plan mlp-speed --detect 2% --within 10min --set sweep.backend=blas,tbb"},
          run_plan};
}

}  // namespace stepbench
