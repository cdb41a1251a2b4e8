#include "experiments/race/race.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <optional>

#include "core/config/text.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "experiments/compare/slowdown_limit.hpp"
#include "experiments/measure/trial_run.hpp"
#include "experiments/race/racer.hpp"
#include "experiments/race/worker.hpp"
#include "experiments/speed_margin.hpp"
#include "experiments/standard_streams.hpp"

namespace stepbench {
namespace {

constexpr const char* kTwin = "OLD's twin";

/// What one of the three processes did in one race.
struct Course {
  std::vector<double> times;
  Trajectory trajectory;
};

void require_same_work(const std::string& trial, const Racer& older, const Racer& newer, const Racer& twin) {
  if (older.build() != twin.build()) {
    throw Error(fmt::format("race: OLD was \"{}\" and is \"{}\" now: it must not change while it is raced",
                            older.build(), twin.build()));
  }
  if (older.total_steps() != newer.total_steps()) {
    throw InputError(fmt::format("race: {} has {} steps in OLD and {} in NEW: they do not run the same experiment",
                                 trial, older.total_steps(), newer.total_steps()));
  }
}

/// One race of three fresh processes: OLD, NEW, OLD's twin. `launch` counts the repeats.
std::array<Course, 3> race_once(const RaceRequest& request, const TrialSettings& trial, std::int64_t launch,
                                RaceBuilds& builds, Progress& progress) {
  std::vector<std::string> arguments = {request.config.string(), "--trial", trial.id};
  for (const std::string& override_text : request.overrides) arguments.push_back("--set=" + override_text);
  std::deque<Racer> racers;  // which cannot move
  for (const RaceEntry& entry : {RaceEntry{"OLD", request.old_program}, RaceEntry{"NEW", request.new_program},
                                 RaceEntry{kTwin, request.old_program}}) {
    progress.status(fmt::format("{}: starting {}", trial.id, entry.name));
    racers.emplace_back(entry, arguments);
  }
  require_same_work(trial.id, racers[0], racers[1], racers[2]);
  builds = {racers[0].build(), racers[1].build()};

  std::array<Course, 3> courses;
  const std::int64_t total = racers[0].total_steps(), rounds = rounds_of_trial(trial.measure, total);
  for (std::int64_t r = 0; r < rounds; ++r) {
    progress.status(fmt::format("{} round {} of {}", trial.id, launch * rounds + r + 1, request.repeats * rounds));
    const auto drawn = static_cast<std::uint64_t>(launch * rounds + r);
    for (const std::int64_t k : permutation(std::ssize(racers), {trial.seed, Purpose::round_order, drawn})) {
      const auto i = static_cast<std::size_t>(k);
      RaceBlock block = racers[i].train({steps_of_round(total, rounds, r), r});
      courses[i].times.push_back(block.step_time);
      std::ranges::move(block.losses, std::back_inserter(courses[i].trajectory.losses));
      progress.advance(1.0 / static_cast<double>(rounds));
    }
  }
  for (std::size_t i = 0; i < courses.size(); ++i) courses[i].trajectory.digest = racers[i].finish();
  return courses;
}

std::int64_t parse_repeats(const std::string& text) {
  constexpr std::int64_t kMost = 1000;
  std::int64_t repeats = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), repeats);
  if (error != std::errc{} || end != text.data() + text.size() || repeats < 1 || repeats > kMost) {
    throw InputError(
        fmt::format("race: --repeat: found \"{}\", allowed: an integer from 1 to {}", printable(text), kMost));
  }
  return repeats;
}

RaceRequest read_request(const ParsedCommandLine& arguments, std::filesystem::path (*find_config)(const std::string&)) {
  if (arguments.more_positionals.size() != 2) {
    throw InputError(
        fmt::format("race: OLD, NEW or CONFIG is missing; usage: stepbench {}", race_command_line().usage));
  }
  return {.old_program = arguments.positional,
          .new_program = arguments.more_positionals[0],
          .config = find_config(arguments.more_positionals[1]),
          .overrides = arguments.all("set"),
          .repeats = parse_repeats(arguments.last("repeat", "1"))};
}

}  // namespace

TrialRace race_trial(const RaceRequest& request, const PlannedTrial& planned, RaceBuilds& builds, Progress& progress) {
  TrialRace race{
      .id = planned.settings->id, .failure = {}, .old_times = {}, .new_times = {}, .twin_times = {}, .difference = {}};
  for (std::int64_t launch = 0; launch < request.repeats; ++launch) {
    std::array<Course, 3> courses;
    try {
      courses = race_once(request, *planned.settings, launch, builds, progress);
    } catch (const GateError& error) {
      race.failure = error.what();
      return race;
    }
    const auto& [older, newer, twin] = courses;
    race.old_times.insert(race.old_times.end(), older.times.begin(), older.times.end());
    race.new_times.insert(race.new_times.end(), newer.times.begin(), newer.times.end());
    race.twin_times.insert(race.twin_times.end(), twin.times.begin(), twin.times.end());
    if (race.difference) continue;  // the first is the one that is told
    if (bits_difference(older.trajectory, twin.trajectory)) {
      race.difference = BitsDifference{BitsDifference::Kind::own_twin};
    } else {
      race.difference = bits_difference(older.trajectory, newer.trajectory);
    }
  }
  return race;
}

CommandLine race_command_line() {
  return {
      "race OLD NEW CONFIG [options]",
      "Races two builds of this program, alternated and paired: did the change make it faster?\n"
      "OLD and NEW are paths of programs; each trains every trial of the config, in blocks that take turns, next to a\n"
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
      "stepbench race ./stepbench-before build/release/stepbench mlp-speed --repeat 3 --fail-if slower:2%"};
}

int run_race(const ParsedCommandLine& arguments, std::filesystem::path (*find_config)(const std::string&)) {
  const RaceRequest request = read_request(arguments, find_config);
  const double margin = speed_margin("race", arguments);
  std::optional<double> limit;
  if (arguments.has("fail-if")) limit = parse_fail_if(arguments.last("fail-if", ""));
  const Experiment experiment = load_experiment(request.config, request.overrides, dataset_keys());
  const std::vector<PlannedGroup> groups = plan_experiment(experiment, backends());
  for (const std::string& warning : data_warnings(groups)) {
    write_remark(fmt::format("stepbench: warning: {}\n", warning));
  }
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
  RaceBuilds builds;
  std::vector<TrialRace> races;
  {
    Progress progress(stderr, arguments.has("quiet") ? Verbosity::quiet : Verbosity::normal,
                      static_cast<double>(3 * std::ssize(trials) * request.repeats));
    for (const PlannedTrial& trial : trials) races.push_back(race_trial(request, trial, builds, progress));
  }
  write_output(fmt::format("OLD  {}  {}\nNEW  {}  {}\n\n{}{}", request.old_program.string(), builds.old_build,
                           request.new_program.string(), builds.new_build, race_table(races, margin), skipped));
  return race_exit_code(races, limit);
}

CommandLine race_worker_command_line() {
  return {"race-worker CONFIG --trial ID [options]",
          "For `race` alone: trains one trial, block by block, as its parent asks on stdin.",
          "CONFIG",
          true,
          {{"trial", 0, "ID", "the trial"}, {"set", 0, "KEY=VALUE", "override section.key of the config"}}};
}

int run_race_worker(const ParsedCommandLine& arguments) {
  greet_race_parent();
  const Experiment experiment = load_experiment(arguments.positional, arguments.all("set"), dataset_keys());
  return serve_race(experiment, arguments.last("trial", ""));
}

}  // namespace stepbench
