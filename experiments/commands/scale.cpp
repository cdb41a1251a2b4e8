// `stepbench scale`
#include "experiments/scale/scale.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.hpp"
#include "core/text/text.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/scale/report.hpp"
#include "experiments/terminal/standard_streams.hpp"
#include "experiments/terminal/terminal.hpp"

namespace stepbench {
namespace {

std::string usual_cores() { return fmt::format("{}", fmt::join(kUsualCores, ",")); }

int run_scale(const ParsedCommandLine& arguments) {
  const std::string format = arguments.last("format", "text");
  if (format != "text" && format != "json") {
    throw InputError(fmt::format("scale: --format: found \"{}\", allowed: text, json", printable(format)));
  }
  const std::vector<std::int64_t> cores = scale::parse_cores(arguments.last("cores", usual_cores()));
  const Experiment experiment = load_config(arguments);
  const std::vector<PlannedGroup> groups = plan_experiment(experiment, backends());
  print_warnings(data_warnings(groups));
  const scale::Selection selection = scale::select_entries(groups);
  const std::vector<scale::ArmScaling> arms =
      scale::scale_arms(selection, cores, arguments.has("quiet") ? Verbosity::quiet : Verbosity::normal);
  const scale::Subject subject = scale::describe_subject(experiment.settings.name, selection);
  write_output(format == "json" ? scale::as_json(subject, arms) : scale::as_text(subject, arms, output_columns()));
  return scale::exit_code(arms);
}

}  // namespace

Command scale_command() {
  return {{"scale CONFIG [options]",
           "Says what more cores would give: how a training step would scale, told from its tasks on one.\n"
           "Each backend of the config runs its step on one thread as it is cut for so many cores, with its tasks "
           "timed;\n"
           "a greedy schedule of them, with what handing them out costs, is the prediction. Beside it stands what was\n"
           "measured, as far as this machine has the cores. Threads and seeds that the config sweeps are no matter.\n"
           "CONFIG is a path, or the name of a shipped experiment.\n"
           "Exit codes: 0 done, 1 a backend failed, 2 command line, config or data, 5 a backend failed its check, 130\n"
           "interrupted.",
           "CONFIG",
           true,
           {set_option(),
            {"cores", 0, "N,...", "numbers of cores, from 1 to 1024; default " + usual_cores()},
            {"format", 0, "text|json", "default: text"},
            {"quiet", 'q', "", "no progress"}},
           1,
           "stepbench scale mlp-speed --cores 2,16,128 --set sweep.backend=tbb"},
          run_scale};
}

}  // namespace stepbench
