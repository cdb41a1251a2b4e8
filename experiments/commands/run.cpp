// `stepbench run`
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>

#include "core/error.hpp"
#include "core/text/number.hpp"
#include "core/text/text.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/expect/report.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/plan/shard.hpp"
#include "experiments/run/check.hpp"
#include "experiments/run/repeat.hpp"
#include "experiments/run/runner.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/standard_streams.hpp"

namespace stepbench {
namespace {

IfPresent if_present(const ParsedCommandLine& arguments) {
  if (arguments.has("resume") && arguments.has("overwrite")) {
    throw InputError("run: --resume keeps what is finished and --overwrite discards it: give one of them");
  }
  return arguments.has("resume")      ? IfPresent::resume
         : arguments.has("overwrite") ? IfPresent::overwrite
                                      : IfPresent::refuse;
}

/// Processes of `--repeat N`; 1 without.
std::size_t parse_repeats(const ParsedCommandLine& arguments) {
  constexpr std::size_t kLeast = 2, kMost = 100;
  if (!arguments.has("repeat")) return 1;
  const std::string text = arguments.last("repeat", "");
  const std::optional<std::size_t> repeats = parse_number<std::size_t>(text);
  if (!repeats || *repeats < kLeast || *repeats > kMost) {
    throw InputError(
        fmt::format("run: --repeat: found \"{}\", allowed: an integer from {} to {}", printable(text), kLeast, kMost));
  }
  if (arguments.has("shard")) {
    throw InputError(
        "run: --repeat pools processes of one machine and --shard spreads groups over several: give one of them");
  }
  return *repeats;
}

void require_fixed_rounds(std::span<const PlannedGroup> groups) {
  for (const PlannedGroup& group : groups) {
    const TrialSettings& settings = *group.trials.front().settings;
    if (settings.measure.rounds != kAutomaticRounds) continue;
    throw InputError(
        fmt::format("run: --repeat: {}: measure.rounds = auto would plan other rounds in each process; set a number of "
                    "them, which `stepbench plan` tells",
                    settings.id));
  }
}

/// What each process of --repeat is started with.
std::vector<std::string> arguments_of_a_process(const ParsedCommandLine& arguments) {
  std::vector<std::string> words = {arguments.positional};
  for (const std::string& override_text : arguments.all("set")) words.push_back("--set=" + override_text);
  for (const char* name : {"quiet", "verbose"}) {
    if (arguments.has(name)) words.push_back(std::string("--") + name);
  }
  return words;
}

/// Of the default output's name.
std::string shard_suffix(const ShardRecord& shard) {
  return shard.is_whole() ? "" : fmt::format("-shard-{}-of-{}", shard.index, shard.count);
}

int run_run(const ParsedCommandLine& arguments) {
  const std::size_t repeats = parse_repeats(arguments);
  const Experiment experiment = load_config(arguments);
  const bool fail_if = fails_if_not_reproduced("run", arguments);
  if (fail_if && experiment.expectations.empty()) {
    throw InputError(fmt::format("run: --fail-if: {} has no [expect]", experiment.file.string()));
  }
  if (fail_if && arguments.has("shard")) {
    throw InputError("run: --fail-if and --shard: what is expected is judged by `collect`, which has the option, too");
  }
  std::optional<Shard> asked;
  if (arguments.has("shard")) asked = parse_shard(arguments.last("shard", ""));
  std::vector<PlannedGroup> groups = plan_experiment(experiment, backends());
  if (repeats > 1) require_fixed_rounds(groups);
  ShardRecord shard;
  if (asked) {
    shard = describe_shard(experiment, groups, *asked);
    groups = groups_of_shard(groups, *asked);
  }
  if (arguments.has("dry-run")) {
    print_warnings(plan_warnings(groups));
    write_output(describe_plan(experiment, groups));
    return kExitOk;
  }
  if (groups.empty()) {
    write_output(fmt::format("shard {}: nothing to run, the sweep has fewer groups\n", to_text(shard)));
    return kExitOk;
  }
  const std::filesystem::path output = results_output(arguments, experiment.settings.name + shard_suffix(shard));
  double work = 0;
  for (const PlannedGroup& group : groups) work += group_work(group);
  const Verbosity verbosity = arguments.has("quiet")     ? Verbosity::quiet
                              : arguments.has("verbose") ? Verbosity::verbose
                                                         : Verbosity::normal;
  ResultFile result;
  {
    Progress progress(stderr, verbosity, work);
    const RunRequest request{experiment, groups, output, if_present(arguments), shard};
    result = repeats > 1 ? run_repeatedly(request, {repeats, arguments_of_a_process(arguments)}, progress)
                         : run_experiment(request, progress);
  }
  const int code = show_results(result, output);
  return code == kExitOk && fail_if ? exit_code(result.expectations) : code;
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
       "--shard I/N runs every N-th group, from the I-th, so that N machines share a sweep; a group is trials that "
       "are\n"
       "measured against each other. --shard auto takes I and N from the Slurm array that it is a task of. Then "
       "`stepbench\n"
       "collect` joins the files.\n"
       "What the config expects ([expect]) is judged once all trials are there, and stands below the table.\n"
       "--repeat N runs the whole experiment in N processes, one after the other, and pools their rounds: two "
       "processes of\n"
       "one program differ for as long as they run, by more than rounds of one of them tell. Intervals are then of "
       "the\n"
       "processes' means. Rounds are as many as measure.rounds says, which may not be auto.\n"
       "Exit codes: 0 done, 1 a trial failed or the output cannot be written, 2 nothing was run because of the "
       "command\n"
       "line, the config or the data, 5 a backend failed its check, 130 interrupted; with --fail-if not-reproduced 3\n"
       "an expectation is not reproduced, 4 none is that but one cannot be told.",
       "CONFIG",
       true,
       {set_option(),
        {"output", 'o', "FILE.h5", "where to write; default results/<name>.h5"},
        {"resume", 0, "", "keep the trials that an earlier run finished, run the rest"},
        {"overwrite", 0, "", "replace the output, once the new one is whole; default: refuse if there is one"},
        {"shard", 0, "I/N", "run a part of the sweep, into <name>-shard-I-of-N.h5; `auto` in a Slurm array"},
        fail_if_option(),
        {"repeat", 0, "N", "run all of it in N processes, and pool them: 2 to 100"},
        {"dry-run", 0, "", "print the trials and stop"},
        {"quiet", 'q', "", "no progress"},
        {"verbose", 'v', "", "say more"}},
       1,
       "stepbench run quick --set training.epochs=1 --set sweep.seed=1,2,3 --output results/seeds.h5"},
      run_run};
}

}  // namespace stepbench
