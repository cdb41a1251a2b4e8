// `stepbench run`
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "core/error.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/check.hpp"
#include "experiments/run/runner.hpp"
#include "experiments/show/results_table.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/standard_streams.hpp"

namespace stepbench {
namespace {

int exit_code(const ResultFile& result) {
  int code = kExitOk;
  for (const TrialRecord& record : result.trials) {
    if (record.status != Status::failed) continue;
    if (record.cause == FailureCause::gate) return kExitGateFailed;
    code = kExitFailure;
  }
  return code;
}

IfPresent if_present(const ParsedCommandLine& arguments) {
  if (arguments.has("resume") && arguments.has("overwrite")) {
    throw InputError("run: --resume keeps what is finished and --overwrite discards it: give one of them");
  }
  return arguments.has("resume")      ? IfPresent::resume
         : arguments.has("overwrite") ? IfPresent::overwrite
                                      : IfPresent::refuse;
}

int run_run(const ParsedCommandLine& arguments) {
  const Experiment experiment = load_config(arguments);
  const std::vector<PlannedGroup> groups = plan_experiment(experiment, backends());
  if (arguments.has("dry-run")) {
    print_warnings(plan_warnings(groups));
    write_output(describe_plan(experiment, groups));
    return kExitOk;
  }
  const std::filesystem::path output = arguments.last("output", "results/" + experiment.settings.name + ".h5");
  if (output.extension() != ".h5") {
    throw InputError(fmt::format("--output: found \"{}\", allowed: a file name that ends in .h5", output.string()));
  }
  double work = 0;
  for (const PlannedGroup& group : groups) work += group_work(group);
  const Verbosity verbosity = arguments.has("quiet")     ? Verbosity::quiet
                              : arguments.has("verbose") ? Verbosity::verbose
                                                         : Verbosity::normal;
  ResultFile result;
  {
    Progress progress(stderr, verbosity, work);
    result = run_experiment({experiment, groups, output, if_present(arguments)}, progress);
  }
  try {
    write_output(fmt::format("{}\nresults: {}\n", results_table(result), output.string()));
  } catch (const OutputError& error) {
    throw OutputError(fmt::format("{}; the results are whole: {}", error.what(), output.string()));
  }
  return exit_code(result);
}

}  // namespace

Command run_command() {
  return {
      {"run CONFIG [options]",
       "Trains every trial of a config and writes losses and timings to an HDF5 file.\n"
       "CONFIG is a path, or the name of a shipped experiment (see `stepbench list experiments`). Before a backend "
       "is\n"
       "timed its gradients are checked; one that fails gets no time, and the others go on. Ctrl-C (or a closed\n"
       "terminal) stops after the step that it is in and keeps the groups that are finished, and of the one under way\n"
       "the last checkpoint (record.checkpoint_every). SIGTERM and SIGUSR1 stop after the round, with a checkpoint of\n"
       "it. --resume goes on, to the same bits.\n"
       "Exit codes: 0 done, 1 a trial failed or the output cannot be written, 2 nothing was run because of the "
       "command\n"
       "line, the config or the data, 5 a backend failed its check, 130 interrupted.",
       "CONFIG",
       true,
       {set_option(),
        {"output", 'o', "FILE.h5", "where to write; default results/<name>.h5"},
        {"resume", 0, "", "keep the trials that an earlier run finished, run the rest"},
        {"overwrite", 0, "", "replace the output, once the new one is whole; default: refuse if there is one"},
        {"dry-run", 0, "", "print the trials and stop"},
        {"quiet", 'q', "", "no progress"},
        {"verbose", 'v', "", "say more"}},
       1,
       "stepbench run quick --set training.epochs=1 --set sweep.seed=1,2,3 --output results/seeds.h5"},
      run_run};
}

}  // namespace stepbench
