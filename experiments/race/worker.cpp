#include "experiments/race/worker.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <iostream>
#include <string>

#include "core/error.hpp"
#include "experiments/machine/environment.hpp"
#include "experiments/measure/gate.hpp"
#include "experiments/measure/idle_workers.hpp"
#include "experiments/measure/trial_run.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/race/protocol.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/standard_streams.hpp"
#include "variants/registry.hpp"

namespace stepbench::race {
namespace {

void say(const std::string& line) { write_output(line + "\n"); }

PlannedTrial plan_one(Experiment experiment, const std::string& id) {
  std::erase_if(experiment.trials, [&id](const TrialSettings& trial) { return trial.id != id; });
  if (experiment.trials.empty()) throw InputError(fmt::format("there is no trial \"{}\" in its sweep", id));
  experiment.trials.front().measure.baseline.clear();  // may name another trial; a race has no baseline
  return std::move(plan_experiment(experiment, backends()).front().trials.front());
}

/// Trains one block and waits until this process is as good as asleep: the next block belongs to another one.
Block train_block(TrialRun& run, const TrainRequest& request) {
  Block block = run.train(request.count, request.round);
  wait_for_idle_workers();
  return block;
}

}  // namespace

void greet_parent() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a parent that is killed cannot stop its workers any more
  const BuildInfo build = build_info();
  say(greeting_line(
      {.build = fmt::format("{} {}{}", build.version, build.git_commit, build.git_dirty ? "+modified" : "")}));
}

int serve(const Experiment& experiment, const std::string& trial) {
  const PlannedTrial planned = plan_one(experiment, trial);
  Gate gate(*find_backend(backends(), kReferenceBackend));
  const GateResult result = gate.check(*planned.backend, *planned.settings, *planned.dataset);
  if (!result.passed) {
    write_remark(fmt::format("stepbench: gate: {}\n", result.message));
    return kExitGateFailed;
  }
  const auto run = start_trial(*planned.backend, *planned.settings, *planned.dataset, {});
  wait_for_idle_workers();
  say(ready_line(run->total_steps()));
  for (std::string line; std::getline(std::cin, line);) {
    if (line == kFinishLine) {
      say(done_line(run->record().parameter_digest));
      return kExitOk;
    }
    const std::optional<TrainRequest> request = parse_train(line);
    if (!request) throw InputError(fmt::format("race-worker: found \"{}\", allowed: train COUNT ROUND, finish", line));
    say(block_line(train_block(*run, *request)));
  }
  return kExitFailure;  // the parent is gone, and with it whoever would want to know
}

}  // namespace stepbench::race
