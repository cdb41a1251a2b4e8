#include "experiments/race/race.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>

#include "core/error.hpp"
#include "experiments/plan/trial_steps.hpp"
#include "experiments/race/racer.hpp"

namespace stepbench::race {
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
std::array<Course, 3> race_once(const Request& request, const TrialSettings& trial, std::int64_t launch, Builds& builds,
                                Progress& progress) {
  std::vector<std::string> arguments = {request.config.string(), "--trial", trial.id};
  for (const std::string& override_text : request.overrides) arguments.push_back("--set=" + override_text);
  std::deque<Racer> racers;  // which cannot move
  for (const Entry& entry :
       {Entry{"OLD", request.old_program}, Entry{"NEW", request.new_program}, Entry{kTwin, request.old_program}}) {
    progress.status(fmt::format("{}: starting {}", trial.id, entry.name));
    racers.emplace_back(entry, arguments);
  }
  require_same_work(trial.id, racers[0], racers[1], racers[2]);
  builds = {racers[0].build(), racers[1].build()};

  std::array<Course, 3> courses;
  const std::int64_t total = racers[0].total_steps(), rounds = rounds_of_trial(trial.measure, total);
  for (std::int64_t r = 0; r < rounds; ++r) {
    progress.status(fmt::format("{} round {} of {}", trial.id, launch * rounds + r + 1, request.repeats * rounds));
    for (const std::int64_t k : turns_of_round(std::ssize(racers), trial.seed, launch * rounds + r)) {
      const auto i = static_cast<std::size_t>(k);
      courses[i].times.push_back(racers[i].train(steps_of_round(total, rounds, r), r).step_time);
      progress.advance(1.0 / static_cast<double>(rounds));
    }
  }
  for (std::size_t i = 0; i < courses.size(); ++i) {
    TrialRecord record = racers[i].record();
    courses[i].trajectory = {std::move(record.steps.train_loss), std::move(record.parameter_digest)};
  }
  return courses;
}

}  // namespace

TrialRace race_trial(const Request& request, const PlannedTrial& planned, Builds& builds, Progress& progress) {
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

}  // namespace stepbench::race
