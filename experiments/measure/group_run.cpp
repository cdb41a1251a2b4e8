#include "experiments/measure/group_run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <random>
#include <span>

#include "core/affinity.hpp"
#include "core/error.hpp"
#include "core/models/parameters.hpp"
#include "core/results/lookup.hpp"
#include "core/statistics.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/machine/environment.hpp"
#include "experiments/machine/noise_watch.hpp"
#include "experiments/measure/add_forecasts.hpp"
#include "experiments/measure/gate.hpp"
#include "experiments/measure/idle_workers.hpp"
#include "experiments/measure/peaks.hpp"
#include "experiments/measure/summary.hpp"
#include "experiments/measure/trial_run.hpp"
#include "experiments/measure/trial_steps.hpp"
#include "experiments/terminal/interrupt.hpp"

namespace stepbench {
namespace {

constexpr double kWorthAWarning = 0.25;  // of a group's blocks

/// A trial of the group that is being trained, or the baseline's twin.
struct Member {
  std::size_t index;  // of its record
  const PlannedTrial* planned;
  std::unique_ptr<TrialRun> run;
};

/// A name that no other measurement has, on this machine or another.
std::string new_measurement() {
  std::random_device random;
  return fmt::format("{}-{:08x}{:08x}", utc_now(), random(), random());
}

TrialRecord blank_record(const PlannedTrial& planned, bool is_baseline) {
  const TrialSettings& trial = *planned.settings;
  TrialRecord record;
  record.id = trial.id;
  record.group = trial.group;
  record.backend = trial.backend;
  record.ranks = trial.ranks.count;
  record.threads = trial.threads;
  record.seed = trial.seed;
  record.settings = setting_values(trial, key_table());
  record.dataset_digest = planned.dataset->digest;
  record.same_bits_for_any_threads =
      planned.backend->same_bits_for_any_threads && trial.ranks.reduction == Reduction::exact;
  record.is_baseline = is_baseline;
  record.parameters = parameter_layout(trial.model).size;
  record.flops_per_step = flops_per_step(trial, *planned.dataset);
  record.batch_size = samples_per_step(trial, *planned.dataset);
  return record;
}

void fail(TrialRecord& record, FailureCause cause, const std::string& message, Progress& progress) {
  record.status = Status::failed;
  record.cause = cause;
  record.message = message;
  progress.warn(fmt::format("{} failed: {}", record.id, message));
}

/// Passes the group's trials through the gate and makes the runs of those that pass.
std::vector<Member> start_members(const PlannedGroup& group, const Backend& reference,
                                  std::vector<TrialRecord>& records, Progress& progress) {
  std::vector<Member> members;
  Gate gate(reference);
  for (std::size_t i = 0; i < group.trials.size(); ++i) {
    if (stop_requested()) break;
    const PlannedTrial& planned = group.trials[i];
    const TrialSettings& trial = *planned.settings;
    TrialRecord& record = records.emplace_back(blank_record(planned, i == group.baseline));
    if (!planned.unsupported.empty()) {
      record.status = Status::unsupported;
      record.message = planned.unsupported;
      record.is_baseline = false;
      continue;
    }
    try {
      progress.status(fmt::format("checking {}", trial.id));
      GateResult passage = gate.check(*planned.backend, trial, *planned.dataset);
      record.checks = std::move(passage.checks);
      if (!passage.passed) {
        fail(record, FailureCause::gate, "gate: " + passage.message, progress);
        continue;
      }
      if (trial.measure.gate) progress.note(fmt::format("{}: passed the gate", trial.id));
      members.push_back({i, &planned, start_trial(*planned.backend, trial, *planned.dataset, record)});
    } catch (const UnsupportedError& error) {  // which a peer may know only once it is asked to make the network
      record.status = Status::unsupported;
      record.message = error.what();
      record.is_baseline = false;
    } catch (const std::exception& error) {
      fail(record, FailureCause::error, reason_of(error), progress);
    }
  }
  return members;
}

/// The baseline once more, under its twin's id: the same network and data, so that the ratio of the two is noise.
/// Nothing for a baseline without rivals, for one that failed, and where blocks do not alternate.
void start_twin(const PlannedGroup& group, std::vector<Member>& members, std::vector<TrialRecord>& records,
                Progress& progress) {
  const PlannedTrial& planned = group.trials[group.baseline];
  const MeasureSettings& measure = planned.settings->measure;
  if (!measure.twin || !measure.interleave || members.size() < 2) return;
  if (std::ranges::find(members, group.baseline, &Member::index) == members.end()) return;
  TrialRecord record = blank_record(planned, false);
  record.id = twin_id(record.id);
  try {
    auto run = start_trial(*planned.backend, *planned.settings, *planned.dataset, record);
    members.push_back({records.size(), &planned, std::move(run)});
    records.push_back(std::move(record));
  } catch (const std::exception& error) {
    progress.warn(fmt::format("{} cannot run: {}; there is no noise floor", record.id, reason_of(error)));
  }
}

/// The twin trained the same network on the same samples: it must have ended with the same bits.
void check_twin(const TrialRecord& baseline, const TrialRecord& twin, Progress& progress) {
  if (baseline.status != Status::completed || twin.status != Status::completed) return;
  if (baseline.parameter_digest == twin.parameter_digest) return;
  progress.warn(
      fmt::format("{} ran twice and ended with different parameters: its results do not repeat", baseline.id));
}

/// The blocks of a group, round by round. (R, M) vectors are row-major.
class Rounds {
 public:
  Rounds(const PlannedGroup& group, std::vector<Member>& members, std::int64_t count, std::vector<TrialRecord>& records,
         PeakHistory& peaks, Progress& progress)
      : group_(group),
        members_(members),
        count_(count),
        total_steps_(members.front().run->total_steps()),
        records_(records),
        progress_(progress),
        peaks_(group, peaks),
        position_(static_cast<std::size_t>(count) * members.size()),
        step_time_(position_.size(), kNotANumber),
        noise_(position_.size(), not_watched()) {}

  /// Trains all members to their end. False when stop_requested() came in between.
  [[nodiscard]] bool run() {
    const MeasureSettings& measure = group_.trials.front().settings->measure;
    const std::size_t members = members_.size();
    if (measure.interleave) {
      for (std::int64_t r = 0; r < count_ && !stop_requested(); ++r) {
        peaks_.take_if_due();
        const std::vector<std::int64_t> order =
            turns_of_round(std::ssize(members_), group_.trials.front().settings->seed, r);
        for (std::size_t k = 0; k < members; ++k) train(static_cast<std::size_t>(order[k]), r, k);
      }
    } else {
      for (std::size_t m = 0; m < members; ++m) {
        for (std::int64_t r = 0; r < count_ && !stop_requested(); ++r) {
          if (m == 0) peaks_.take_if_due();
          train(m, r, m);
        }
      }
    }
    if (stop_requested()) return false;
    peaks_.take_if_due();
    return true;
  }

  [[nodiscard]] const Peaks& peaks() const { return peaks_; }

  /// What was seen of the blocks, into the group's record.
  void write(GroupRecord& rounds) const {
    for (const Member& member : members_) rounds.trials.push_back(records_[member.index].id);
    rounds.position = position_;
    rounds.step_time = step_time_;
    std::vector<std::int64_t> threads;
    for (std::size_t i = 0; i < noise_.size(); ++i) {
      const BlockNoise& noise = noise_[i];
      rounds.block_time.push_back(noise.block_time);
      rounds.cpu_time.push_back(noise.cpu_time);
      rounds.steal_time.push_back(noise.steal_time);
      rounds.run_delay.push_back(noise.run_delay);
      rounds.involuntary_switches.push_back(noise.involuntary_switches);
      rounds.sentinel_time.push_back(noise.sentinel_time);
      const PlannedTrial& planned = *members_[i % members_.size()].planned;
      // A library in a process of its own may have more threads than it was asked for, which wait for each other.
      threads.push_back(planned.backend->own_process ? kAnyThreads : planned.settings->all_threads());
    }
    rounds.disturbed = find_disturbances(noise_, threads, available_cores());
    peaks_.write(rounds);
  }

 private:
  static BlockNoise not_watched() {
    return {kNotANumber, kNotANumber, kNotANumber, kNotANumber, kNotANumber, kNotANumber};
  }

  /// One block of member `m`, the `place`-th of round `r`.
  void train(std::size_t m, std::int64_t r, std::size_t place) {
    Member& member = members_[m];
    const std::size_t cell = static_cast<std::size_t>(r) * members_.size() + m;
    position_[cell] = static_cast<std::int64_t>(place);
    progress_.status(fmt::format("{} round {} of {}", records_[member.index].id, r + 1, count_));
    if (member.run && member.run->can_train() && !stop_requested()) {
      wait_for_idle_workers();
      {
        const std::vector<int>& cpus = member.planned->settings->places.cpus;
        const BoundThread where_it_will_train(std::span<const int>(cpus).first(cpus.empty() ? 0 : 1));
        watch_.begin_block(member.run->processes());
      }
      try {
        step_time_[cell] = member.run->train(steps_of_round(total_steps_, count_, r), r).step_time;
        noise_[cell] = watch_.end_block();
      } catch (const std::exception& error) {
        TrialRecord& record = records_[member.index];
        try {
          record = member.run->record();
        } catch (const std::exception&) {  // out of memory still: what it did is lost, that it failed is not
        }
        member.run.reset();
        fail(record, FailureCause::error, reason_of(error), progress_);
      }
    }
    progress_.advance(group_work(group_) / static_cast<double>(position_.size()));
  }

  const PlannedGroup& group_;
  std::vector<Member>& members_;
  std::int64_t count_, total_steps_;
  std::vector<TrialRecord>& records_;
  Progress& progress_;
  Peaks peaks_;
  NoiseWatch watch_;
  std::vector<std::int64_t> position_;  // (R, M)
  std::vector<double> step_time_;       // (R, M), s
  std::vector<BlockNoise> noise_;       // (R, M)
};

/// Ends the members' records where a signal stopped them; the twin's goes.
void record_interrupted(const PlannedGroup& group, const std::vector<Member>& members, GroupResult& result) {
  for (const Member& member : members) {
    if (!member.run) continue;
    const PlannedTrial& planned = *member.planned;
    TrialRecord& record = result.trials[member.index];
    record = member.run->record();
    record.status = Status::interrupted;
    record.message =
        fmt::format("stopped after {} of {} steps", record.steps.train_loss.size(), member.run->total_steps());
    summarise(record, *planned.settings, *planned.dataset, kNotANumber);
    if (!planned.settings->record.steps) record.steps = {};
  }
  result.trials.resize(group.trials.size());
  result.stopped = true;
}

/// Ratios of all timed trials against the baseline, paired by round, and how far noise alone would take them.
void compare_with_baseline(GroupResult& result, bool interleaved) {
  const GroupRecord& rounds = result.rounds;
  const auto baseline = std::ranges::find_if(result.trials, &TrialRecord::is_baseline);
  if (baseline == result.trials.end()) return;
  const std::vector<double> baseline_times = column_of(rounds, rounds.step_time, baseline->id);
  const std::vector<double> twin_times = column_of(rounds, rounds.step_time, twin_id(baseline->id));
  for (TrialRecord& record : result.trials) {
    const std::vector<double> times = column_of(rounds, rounds.step_time, record.id);
    if (times.empty() || baseline_times.empty()) continue;
    const RatioEstimate estimate = paired_ratio(baseline_times, times);
    record.summary.speed_ratio = estimate.ratio;
    if (!twin_times.empty()) record.summary.noise_floor = noise_floor(baseline_times, twin_times);
    if (!interleaved || &record == &*baseline) continue;  // blocks that did not alternate share no rounds
    record.summary.speed_ratio_low = estimate.low;
    record.summary.speed_ratio_high = estimate.high;
  }
}

/// Threads that slept between blocks are given a core each within some milliseconds; a shorter block measures that.
void warn_of_short_blocks(const PlannedGroup& group, const GroupRecord& rounds, Progress& progress) {
  constexpr double kShort = 0.02;  // s
  for (const PlannedTrial& trial : group.trials) {
    if (trial.settings->all_threads() < 2) continue;
    const double block = median(column_of(rounds, rounds.block_time, trial.settings->id));
    if (!(block < kShort)) continue;
    progress.warn(
        fmt::format("{}: blocks of {:.0f} ms are short for {} threads, which the system needs some ms to spread "
                    "over the cores: use fewer rounds or more steps",
                    trial.settings->id, 1000 * block, trial.settings->all_threads()));
    return;
  }
}

/// A label that says `threads` stands for nothing when another number of them did the work.
void warn_of_other_threads(const std::vector<TrialRecord>& trials, Progress& progress) {
  std::vector<std::string> fewer, more;
  for (const TrialRecord& trial : trials) {
    const std::int64_t threads = trial.threads * std::max<std::int64_t>(1, trial.ranks);
    if (trial.threads_observed == 0 || trial.threads_observed == threads) continue;  // 0: the system does not tell
    (trial.threads_observed < threads ? fewer : more)
        .push_back(fmt::format("{} (on {})", trial.id, trial.threads_observed));
  }
  if (!fewer.empty()) {
    progress.warn(
        fmt::format("fewer threads did a share of the work than the trial has: {}: its steps are too small to "
                    "share, or cut into too few parts",
                    fmt::join(fewer, ", ")));
  }
  if (!more.empty()) {
    progress.warn(
        fmt::format("more threads did a share of the work than the trial has: {}: a library runs threads of "
                    "its own",
                    fmt::join(more, ", ")));
  }
}

/// A trial that was to be pinned and was not; the first says it for all of a group.
void warn_of_unpinned(const PlannedGroup& group, const std::vector<TrialRecord>& trials, Progress& progress) {
  for (std::size_t i = 0; i < group.trials.size(); ++i) {
    if (group.trials[i].settings->places.cpus.empty() || trials[i].cpus.empty() || is_pinned(trials[i])) continue;
    progress.warn(fmt::format("{}: {}", trials[i].id, trials[i].cpus));
    return;
  }
}

/// Counts the disturbed blocks into the summaries, and says what to do about them.
void report_disturbances(GroupResult& result, Progress& progress) {
  const GroupRecord& rounds = result.rounds;
  for (TrialRecord& record : result.trials) {
    const std::vector<std::int64_t> disturbed = column_of(rounds, rounds.disturbed, record.id);
    if (disturbed.empty()) continue;
    record.summary.disturbed_rounds =
        static_cast<double>(std::ranges::count_if(disturbed, [](std::int64_t bits) { return bits != 0; }));
  }
  const std::string text = describe_disturbances(rounds.disturbed);
  if (text.empty()) return;
  progress.note(fmt::format("{}: {}", rounds.id, text));
  for (const DisturbanceText& cause : disturbance_texts()) {
    const auto hits =
        std::ranges::count_if(rounds.disturbed, [&](std::int64_t bits) { return (bits & cause.bit) != 0; });
    // A few are the daily life of any machine, and medians bear them.
    if (static_cast<double>(hits) > kWorthAWarning * static_cast<double>(rounds.disturbed.size())) {
      progress.warn(fmt::format("{}: {} of {} blocks: {}; {}", rounds.id, hits, rounds.disturbed.size(), cause.name,
                                cause.advice));
    }
  }
}

}  // namespace

double group_work(const PlannedGroup& group) {
  double work = 0;
  for (const PlannedTrial& trial : group.trials) {
    if (!trial.unsupported.empty()) continue;
    work += flops_per_step(*trial.settings, *trial.dataset) *
            static_cast<double>(steps_of_trial(*trial.settings, *trial.dataset));
  }
  return work;
}

GroupResult run_group(const PlannedGroup& group, const Backend& reference, PeakHistory& peaks, Progress& progress) {
  GroupResult result;
  result.rounds = {.id = group.id, .measurement = new_measurement(), .trials = {}};
  std::vector<Member> members = start_members(group, reference, result.trials, progress);
  if (stop_requested()) return {.trials = {}, .rounds = {.id = group.id}, .stopped = true};
  if (members.empty()) return result;
  start_twin(group, members, result.trials, progress);

  const MeasureSettings& measure = group.trials.front().settings->measure;
  const std::int64_t count = rounds_of_trial(measure, members.front().run->total_steps());
  if (count < measure.rounds) {
    progress.warn(fmt::format("{}: {} steps are enough for {} rounds of the {} asked for", group.id,
                              members.front().run->total_steps(), count, measure.rounds));
  }
  Rounds rounds(group, members, count, result.trials, peaks, progress);
  if (!rounds.run()) {
    record_interrupted(group, members, result);
    return result;
  }

  for (Member& member : members) {
    const PlannedTrial& planned = *member.planned;
    TrialRecord& record = result.trials[member.index];
    if (member.run) record = member.run->record();
    summarise(record, *planned.settings, *planned.dataset, rounds.peaks().of_trial(*planned.settings));
    if (!planned.settings->record.steps) record.steps = {};
  }
  rounds.write(result.rounds);
  if (result.trials.size() > group.trials.size()) {
    check_twin(result.trials[group.baseline], result.trials.back(), progress);
    result.trials.pop_back();
  }
  members.clear();  // their networks' memory
  compare_with_baseline(result, measure.interleave);
  add_forecasts(group, result.trials, progress);
  report_disturbances(result, progress);
  warn_of_short_blocks(group, result.rounds, progress);
  warn_of_other_threads(result.trials, progress);
  warn_of_unpinned(group, result.trials, progress);
  return result;
}

}  // namespace stepbench
