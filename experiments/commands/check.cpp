// `stepbench check`
#include "experiments/run/check.hpp"

#include "experiments/commands/command.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/standard_streams.hpp"

namespace stepbench {
namespace {

int run_check(const ParsedCommandLine& arguments) {
  const Experiment experiment = load_config(arguments);
  const std::vector<PlannedGroup> groups = plan_experiment(experiment, backends());
  print_warnings(plan_warnings(groups));
  write_output(describe_plan(experiment, groups));
  const GateReport report = check_gates(groups);
  write_output("\n" + report.text);
  return !report.passed ? kExitGateFailed : report.failed ? kExitFailure : kExitOk;
}

}  // namespace

Command check_command() {
  return {
      {"check CONFIG [options]",
       "Prints a config's trials and checks every backend's gradients, without training.\n"
       "Of each trial: parameters, FLOPs and bytes per step, and memory by the model. Gradients and one training step\n"
       "of every backend are held against float64 neuron. What the config expects ([expect]) is printed, too.\n"
       "CONFIG is a path, or the name of a shipped experiment.\n"
       "Exit codes: 0 all agree, 1 one cannot compute here, 5 one computes something else.",
       "CONFIG",
       true,
       {set_option()},
       1,
       "stepbench check quick --set training.precision=float64"},
      run_check};
}

}  // namespace stepbench
