#include "experiments/measure/rounds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "core/affinity.hpp"
#include "core/error.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/measure/idle_workers.hpp"
#include "experiments/measure/round_plan.hpp"
#include "experiments/plan/trial_steps.hpp"
#include "experiments/terminal/interrupt.hpp"

namespace stepbench {
namespace {

BlockNoise not_watched() { return {kNotANumber, kNotANumber, kNotANumber, kNotANumber, kNotANumber, kNotANumber}; }

/// Calls visit(member of CounterValues, array of the record) for each counter.
void visit_counters(auto&& visit, auto& rounds) {
  visit(&CounterValues::cycles, rounds.cycles);
  visit(&CounterValues::instructions, rounds.instructions);
  visit(&CounterValues::cache_misses, rounds.cache_misses);
  visit(&CounterValues::fp_operations, rounds.fp_operations);
  visit(&CounterValues::energy, rounds.energy);
}

}  // namespace

void record_failure(TrialRecord& record, FailureCause cause, const std::string& message, Progress& progress) {
  record.status = Status::failed;
  record.cause = cause;
  record.message = message;
  progress.warn(fmt::format("{} failed: {}", record.id, message));
}

Rounds::Rounds(const PlannedGroup& group, std::vector<Member>& members, std::vector<TrialRecord>& records,
               PeakHistory& peaks, const Checkpoints& checkpoints, Progress& progress)
    : group_(group),
      members_(members),
      cut_(group.trials.front().settings->measure,
           steps_of_trial(*members.front().planned->settings, *members.front().planned->dataset)),
      interleaved_(group.trials.front().settings->measure.interleave),
      records_(records),
      checkpoints_(checkpoints),
      progress_(progress),
      peaks_(group, peaks) {
  plan_ = {.pilot_rounds = cut_.pilot_rounds(), .pilot_steps = cut_.pilot_steps()};
  make_room();
  if (checkpoints.from) restore(*checkpoints.from);
}

void Rounds::make_room() {
  const std::size_t cells = count() * members_.size();
  position_.resize(cells);
  step_time_.resize(cells, kNotANumber);
  if (cut_.pilot_rounds() > 0) pilot_time_.resize(cells, kNotANumber);
  noise_.resize(cells, not_watched());
  counted_.resize(cells);
  segment_.resize(cells, segments_before_);
}

void Rounds::set_plan(const RoundPlan& plan) {
  plan_ = plan;
  cut_.plan(plan.planned);
  make_room();
}

void Rounds::plan_rest() {
  if (!cut_.awaits_plan()) return;
  GroupRecord pilot;
  for (const Member& member : members_) pilot.trials.push_back(records_[member.index].id);
  pilot.pilot_step_time = pilot_time_;
  set_plan(plan_rounds(group_, pilot, cut_));
  progress_.note(
      fmt::format("{}: {} rounds planned after a pilot of {}", group_.id, plan_.planned, plan_.pilot_rounds));
}

double Rounds::work_of(std::int64_t round) const {
  const double share = static_cast<double>(cut_.steps_of(round)) / static_cast<double>(cut_.total_steps());
  return group_work(group_) * share / static_cast<double>(members_.size());
}

void Rounds::restore(const GroupState& state) {
  const GroupRecord& rounds = state.rounds;
  if (cut_.awaits_plan() && rounds.plan.planned > 0) set_plan(rounds.plan);
  const bool fits = rounds.rounds() == cut_.rounds() && rounds.pilot_step_time.size() == pilot_time_.size() &&
                    std::ranges::equal(rounds.trials, members_, {}, {},
                                       [&](const Member& member) { return records_[member.index].id; });
  if (!fits || state.blocks < 0 || state.blocks > std::ssize(position_)) {
    throw Error(fmt::format("{}: the checkpoint has other rounds", group_.id));
  }
  position_ = rounds.position;
  step_time_ = rounds.step_time;
  pilot_time_ = rounds.pilot_step_time;
  for (std::size_t i = 0; i < noise_.size(); ++i) {
    noise_[i] = {rounds.block_time[i],           rounds.cpu_time[i],     rounds.steal_time[i], rounds.run_delay[i],
                 rounds.involuntary_switches[i], rounds.sentinel_time[i]};
  }
  visit_counters(
      [this](double CounterValues::*value, const std::vector<double>& cells) {
        for (std::size_t i = 0; i < cells.size(); ++i) counted_[i].*value = cells[i];
      },
      rounds);
  done_ = static_cast<std::size_t>(state.blocks);
  segments_before_ = std::ssize(rounds.earlier_environments) + 1;
  std::ranges::fill(segment_, segments_before_);
  for (std::size_t block = 0; block < done_; ++block) {
    const Turn turn = turn_of(block);
    const std::size_t cell = static_cast<std::size_t>(turn.round) * members_.size() + turn.member;
    segment_[cell] = rounds.segment[cell];
  }
  const std::size_t rounds_begun = interleaved_ ? done_ / members_.size() : done_;
  peaks_.restore(rounds, std::min(rounds_begun, count()));
  for (const Member& member : members_) {
    peaks_.restore(*member.planned->settings, state.find(records_[member.index].id)->peak_gflops);
  }
  for (std::size_t block = 0; block < done_; ++block) progress_.skip(work_of(turn_of(block).round));
}

Rounds::Turn Rounds::turn_of(std::size_t block) const {
  if (!interleaved_) {
    const std::size_t member = block / count();
    return {member, static_cast<std::int64_t>(block % count()), member};
  }
  const auto round = static_cast<std::int64_t>(block / members_.size());
  const std::size_t place = block % members_.size();
  const std::vector<std::int64_t> order =
      turns_of_round(std::ssize(members_), group_.trials.front().settings->seed, round);
  return {static_cast<std::size_t>(order[place]), round, place};
}

bool Rounds::run() {
  while (done_ < position_.size()) {
    if (stop_requested()) return false;
    const Turn turn = turn_of(done_);
    if (turn.place == 0) peaks_.take_if_due();
    train(turn);
    if (stop_requested()) return false;
    ++done_;
    if (done_ == position_.size()) plan_rest();
    const bool ends_round = !interleaved_ || turn.place + 1 == members_.size();
    if (ends_round && done_ < position_.size() && !pass_boundary()) return false;
  }
  peaks_.take_if_due();
  return true;
}

bool Rounds::pass_boundary() {
  if (!checkpoints_.publish) return true;
  const bool is_last = stop_after_round_requested();
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - saved_;
  if (is_last || since.count() >= checkpoints_.every) {
    progress_.status("writing a checkpoint");
    try {
      checkpoints_.publish(state());
    } catch (const std::exception& error) {  // it is of use later only: the group goes on
      progress_.warn(fmt::format("no checkpoint of {}: {}", group_.id, reason_of(error)));
    }
    saved_ = std::chrono::steady_clock::now();
  }
  return !is_last;
}

GroupState Rounds::state() const {
  GroupState state;
  for (const TrialRecord& record : records_) state.trials.push_back({.record = record, .state = std::nullopt});
  for (const Member& member : members_) {
    if (!member.run) continue;
    MemberState& own = state.trials[member.index];
    own.record = member.run->record();
    if (own.record.status == Status::completed) own.record.status = Status::interrupted;
    own.record.initial_parameters = {};  // are made again
    own.record.final_parameters = {};    // are in the state
    own.state = member.run->save();
    own.peak_gflops = peaks_.of_trial(*member.planned->settings);
  }
  state.rounds.id = group_.id;
  write(state.rounds);
  state.blocks = static_cast<std::int64_t>(done_);
  return state;
}

std::vector<std::int64_t> Rounds::segments_of(std::size_t member) const {
  std::vector<std::int64_t> segments;
  for (std::size_t cell = member; cell < segment_.size(); cell += members_.size()) segments.push_back(segment_[cell]);
  return segments;
}

void Rounds::write(GroupRecord& rounds) const {
  for (const Member& member : members_) rounds.trials.push_back(records_[member.index].id);
  rounds.position = position_;
  rounds.step_time = step_time_;
  rounds.pilot_step_time = pilot_time_;
  rounds.plan = plan_;
  for (const BlockNoise& noise : noise_) {
    rounds.block_time.push_back(noise.block_time);
    rounds.cpu_time.push_back(noise.cpu_time);
    rounds.steal_time.push_back(noise.steal_time);
    rounds.run_delay.push_back(noise.run_delay);
    rounds.involuntary_switches.push_back(noise.involuntary_switches);
    rounds.sentinel_time.push_back(noise.sentinel_time);
  }
  visit_counters(
      [this](double CounterValues::*value, std::vector<double>& cells) {
        for (const CounterValues& counted : counted_) cells.push_back(counted.*value);
      },
      rounds);
  rounds.disturbed = disturbances();
  rounds.segment = segment_;
  peaks_.write(rounds, count());
}

/// A block is held against those of its own segment: another machine, or the same one days later, has another clock.
std::vector<std::int64_t> Rounds::disturbances() const {
  std::map<std::int64_t, std::vector<std::size_t>> cells_of_segment;
  for (std::size_t i = 0; i < segment_.size(); ++i) cells_of_segment[segment_[i]].push_back(i);
  std::vector<std::int64_t> disturbed(noise_.size());
  for (const auto& [segment, cells] : cells_of_segment) {
    std::vector<BlockNoise> blocks;
    std::vector<std::int64_t> threads;
    for (const std::size_t i : cells) {
      blocks.push_back(noise_[i]);
      const PlannedTrial& planned = *members_[i % members_.size()].planned;
      // A library in a process of its own may have more threads than it was asked for, which wait for each other.
      threads.push_back(planned.backend->own_process ? kAnyThreads : planned.settings->all_threads());
    }
    const std::vector<std::int64_t> found = find_disturbances(blocks, threads, available_cores());
    for (std::size_t i = 0; i < cells.size(); ++i) disturbed[cells[i]] = found[i];
  }
  return disturbed;
}

/// One block.
void Rounds::train(const Turn& turn) {
  Member& member = members_[turn.member];
  const std::size_t cell = static_cast<std::size_t>(turn.round) * members_.size() + turn.member;
  position_[cell] = static_cast<std::int64_t>(turn.place);
  progress_.status(fmt::format("{} round {} of {}", records_[member.index].id, turn.round + 1, cut_.rounds()));
  if (member.run && member.run->can_train()) {
    wait_for_idle_workers();
    {
      const std::vector<int>& cpus = member.planned->settings->places.cpus;
      const BoundThread where_it_will_train(std::span<const int>(cpus).first(cpus.empty() ? 0 : 1));
      const std::vector<pid_t> processes = member.run->processes();
      counters_.prepare(processes);
      member.memory.begin_block();
      watch_.begin_block(processes);
    }
    try {
      counters_.start();
      const double step_time = member.run->train(cut_.steps_of(turn.round), turn.round).step_time;
      (cut_.is_pilot(turn.round) ? pilot_time_ : step_time_)[cell] = step_time;
      counted_[cell] = counters_.stop();
      noise_[cell] = watch_.end_block();
      member.memory.end_block();
    } catch (const std::exception& error) {
      TrialRecord& record = records_[member.index];
      try {
        record = member.run->record();
      } catch (const std::exception&) {  // out of memory still: what it did is lost, that it failed is not
      }
      member.run.reset();
      record_failure(record, FailureCause::error, reason_of(error), progress_);
    }
  }
  progress_.advance(work_of(turn.round));
}

}  // namespace stepbench
