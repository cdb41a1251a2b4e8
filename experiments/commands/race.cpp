// `stepbench race`, and the command by which it runs the programs that it races.
#include "experiments/race/race.hpp"

#include <fmt/format.h>

#include <optional>

#include "core/error.hpp"
#include "core/text/number.hpp"
#include "core/text/text.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/compare/slowdown_limit.hpp"
#include "experiments/plan/data_folders.hpp"
#include "experiments/race/worker.hpp"
#include "experiments/show/speed_margin.hpp"
#include "experiments/terminal/standard_streams.hpp"

namespace stepbench {
namespace {

std::int64_t parse_repeats(const std::string& text) {
  constexpr std::int64_t kMost = 1000;
  const std::optional<std::int64_t> repeats = parse_number<std::int64_t>(text);
  if (!repeats || *repeats < 1 || *repeats > kMost) {
    throw InputError(
        fmt::format("race: --repeat: found \"{}\", allowed: an integer from 1 to {}", printable(text), kMost));
  }
  return *repeats;
}

race::Request read_request(const ParsedCommandLine& arguments) {
  if (arguments.more_positionals.size() != 2) {
    throw InputError(
        fmt::format("race: OLD, NEW or CONFIG is missing; usage: stepbench {}", race_command().line.usage));
  }
  const std::int64_t repeats = parse_repeats(arguments.last("repeat", "1"));
  return {.old_program = arguments.positional,
          .new_program = arguments.more_positionals[0],
          .config = find_config(arguments.more_positionals[1]),
          .overrides = arguments.all("set"),
          .repeats = repeats};
}

int run_race(const ParsedCommandLine& arguments) {
  const double margin = speed_margin("race", arguments);
  std::optional<double> limit;
  if (arguments.has("fail-if")) limit = compare::parse_fail_if(arguments.last("fail-if", ""));
  const race::Request request = read_request(arguments);
  const Experiment experiment = load_experiment(request.config, request.overrides, key_table());
  const std::vector<PlannedGroup> groups = plan_experiment(experiment, backends());
  if (groups.front().trials.front().settings->measure.rounds == kAutomaticRounds) {
    throw InputError(
        "race: measure.rounds = auto plans a run, not a race: give a number, as in --set measure.rounds=40");
  }
  print_warnings(data_warnings(groups));
  std::vector<PlannedTrial> trials;
  std::string skipped;
  for (const PlannedGroup& group : groups) {
    for (const PlannedTrial& trial : group.trials) {
      if (trial.unsupported.empty()) {
        trials.push_back(trial);
      } else {
        skipped += fmt::format("{} unsupported: {}\n", trial.settings->id, trial.unsupported);
      }
    }
  }
  race::Builds builds;
  std::vector<race::TrialRace> races;
  {
    Progress progress(stderr, arguments.has("quiet") ? Verbosity::quiet : Verbosity::normal,
                      static_cast<double>(3 * std::ssize(trials) * request.repeats));
    for (const PlannedTrial& trial : trials) races.push_back(race::race_trial(request, trial, builds, progress));
  }
  write_output(fmt::format("OLD  {}  {}\nNEW  {}  {}\n\n{}{}", request.old_program.string(), builds.old_build,
                           request.new_program.string(), builds.new_build, race::table(races, margin), skipped));
  return race::exit_code(races, limit);
}

int run_race_worker(const ParsedCommandLine& arguments) {
  race::greet_parent();
  const Experiment experiment = load_experiment(arguments.positional, arguments.all("set"), key_table());
  return race::serve(experiment, arguments.last("trial", ""));
}

}  // namespace

Command race_command() {
  return {{"race OLD NEW CONFIG [options]",
           "Races two builds of this program, alternated and paired: did the change make it faster?\n"
           "OLD and NEW are paths of programs; each trains every trial of the config, in blocks that take turns, next "
           "to a\n"
           "second OLD, whose difference from the first is the noise. CONFIG is a path, or the name of a shipped "
           "experiment.",
           "OLD",
           true,
           {{"set", 0, "KEY=VALUE", "override section.key of the config; may be repeated"},
            {"repeat", 0, "N", "race each trial N times, in new processes; default 1"},
            {"fail-if", 0, "slower:5%", "exit with 3 when a trial got slower by more, with 4 when that cannot be told"},
            speed_margin_option(),
            {"quiet", 'q', "", "no progress"}},
           3,
           "stepbench race ./stepbench-before build/release/stepbench mlp-speed --repeat 3 --fail-if slower:2%"},
          run_race};
}

Command race_worker_command() {
  return {{"race-worker CONFIG --trial ID [options]",
           "For `race` alone: trains one trial, block by block, as its parent asks on stdin.",
           "CONFIG",
           true,
           {{"trial", 0, "ID", "the trial"}, {"set", 0, "KEY=VALUE", "override section.key of the config"}}},
          run_race_worker,
          /*hidden=*/true};
}

}  // namespace stepbench
