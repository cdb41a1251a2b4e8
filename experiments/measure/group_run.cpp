#include "experiments/measure/group_run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <random>

#include "core/error.hpp"
#include "core/models/parameters.hpp"
#include "core/results/lookup.hpp"
#include "core/statistics.hpp"
#include "experiments/machine/environment.hpp"
#include "experiments/machine/noise_watch.hpp"
#include "experiments/machine/probes.hpp"
#include "experiments/machine/resident.hpp"
#include "experiments/measure/add_forecasts.hpp"
#include "experiments/measure/add_studies.hpp"
#include "experiments/measure/gate.hpp"
#include "experiments/measure/peaks.hpp"
#include "experiments/measure/rounds.hpp"
#include "experiments/measure/summary.hpp"
#include "experiments/measure/trial_limits.hpp"
#include "experiments/measure/trial_run.hpp"
#include "experiments/plan/trial_steps.hpp"
#include "experiments/terminal/interrupt.hpp"

namespace stepbench {
namespace {

constexpr double kWorthAWarning = 0.25;  // of a group's blocks

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
  record.memory.model = memory_of(planned);
  return record;
}

const MemberState* state_of(const GroupState* state, const std::string& id) {
  return state == nullptr ? nullptr : state->find(id);
}

bool has_rounds(const GroupState& state, const std::string& id) {
  return std::ranges::find(state.rounds.trials, id) != state.rounds.trials.end();
}

/// Where a member with rounds in `from` stands: it has a run, or keeps the column of its rounds without one.
void keep_column(const GroupState* from, std::size_t index, const PlannedTrial& planned, const std::string& id,
                 std::vector<Member>& members) {
  if (from == nullptr || !has_rounds(*from, id)) return;
  if (members.empty() || members.back().index != index) members.push_back({index, &planned, nullptr});
}

/// Passes the group's trials through the gate and makes the runs of those that pass, as they were in `from`; those that
/// had ended there stay as they are.
std::vector<Member> start_members(const PlannedGroup& group, const Backend& reference, const GroupState* from,
                                  std::vector<TrialRecord>& records, Progress& progress) {
  std::vector<Member> members;
  Gate gate(reference);
  for (std::size_t i = 0; i < group.trials.size(); ++i) {
    if (stop_requested()) break;
    const PlannedTrial& planned = group.trials[i];
    const TrialSettings& trial = *planned.settings;
    TrialRecord& record = records.emplace_back(blank_record(planned, i == group.baseline));
    const MemberState* before = state_of(from, trial.id);
    if (before != nullptr && !before->state) {
      record = before->record;
      keep_column(from, i, planned, trial.id, members);
      continue;
    }
    if (!planned.unsupported.empty()) {
      record.status = Status::unsupported;
      record.message = planned.unsupported;
      record.is_baseline = false;
      continue;
    }
    TrialMemory memory;
    try {
      const Memory free = read_memory("/");  // what the group's trials before this one took is gone from it
      require_memory(record.memory.model, static_cast<double>(free.available), static_cast<double>(free.total));
      progress.status(fmt::format("checking {}", trial.id));
      GateResult passage = gate.check(*planned.backend, trial, *planned.dataset);
      record.checks = std::move(passage.checks);
      if (passage.passed) {
        if (trial.measure.gate) progress.note(fmt::format("{}: passed the gate", trial.id));
        memory.begin_making();
        auto run = start_trial(*planned.backend, trial, *planned.dataset, record);
        memory.end_making();
        if (before != nullptr) run->restore(*before->state);
        members.push_back({i, &planned, std::move(run), memory});
      } else {
        record_failure(record, FailureCause::gate, "gate: " + passage.message, progress);
      }
    } catch (const UnsupportedError& error) {  // which a peer may know only once it is asked to make the network
      record.status = Status::unsupported;
      record.message = error.what();
      record.is_baseline = false;
    } catch (const std::exception& error) {
      record_failure(record, FailureCause::error, reason_of(error), progress);
    }
    keep_column(from, i, planned, trial.id, members);
  }
  return members;
}

/// The baseline once more, under its twin's id: the same network and data, so that the ratio of the two is noise.
/// Nothing for a baseline without rivals, for one that failed, where blocks do not alternate, and where there was none
/// in `from`.
void start_twin(const PlannedGroup& group, const GroupState* from, std::vector<Member>& members,
                std::vector<TrialRecord>& records, Progress& progress) {
  const PlannedTrial& planned = group.trials[group.baseline];
  const MeasureSettings& measure = planned.settings->measure;
  if (!measure.twin || !measure.interleave || members.size() < 2) return;
  if (std::ranges::find(members, group.baseline, &Member::index) == members.end()) return;
  TrialRecord record = blank_record(planned, false);
  record.id = twin_id(record.id);
  const MemberState* before = state_of(from, record.id);
  if (from != nullptr && before == nullptr) return;
  std::unique_ptr<TrialRun> run;
  try {
    if (before == nullptr || before->state) {
      const Memory free = read_memory("/");
      require_memory(record.memory.model, static_cast<double>(free.available), static_cast<double>(free.total));
      run = start_trial(*planned.backend, *planned.settings, *planned.dataset, record);
      if (before != nullptr) run->restore(*before->state);
    } else {
      record = before->record;
    }
  } catch (const std::exception& error) {
    progress.warn(fmt::format("{} cannot run: {}; there is no noise floor", record.id, reason_of(error)));
    if (before == nullptr) return;
    record.status = Status::failed;
    run = nullptr;
  }
  members.push_back({records.size(), &planned, std::move(run)});
  records.push_back(std::move(record));
}

/// The twin trained the same network on the same samples: it must have ended with the same bits.
void check_twin(const TrialRecord& baseline, const TrialRecord& twin, Progress& progress) {
  if (baseline.status != Status::completed || twin.status != Status::completed) return;
  if (baseline.parameter_digest == twin.parameter_digest) return;
  progress.warn(
      fmt::format("{} ran twice and ended with different parameters: its results do not repeat", baseline.id));
}

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

GroupResult run_group(const PlannedGroup& group, const Backend& reference, PeakHistory& peaks, Progress& progress,
                      Checkpoints checkpoints) {
  GroupResult result;
  result.rounds = {.id = group.id, .measurement = new_measurement(), .trials = {}};
  const GroupState* const from = checkpoints.from ? &*checkpoints.from : nullptr;
  std::vector<Member> members = start_members(group, reference, from, result.trials, progress);
  if (stop_requested()) return {.trials = {}, .rounds = {.id = group.id}, .stopped = true};
  if (members.empty()) return result;
  start_twin(group, from, members, result.trials, progress);

  const MeasureSettings& measure = group.trials.front().settings->measure;
  const std::int64_t steps = steps_of_trial(*group.trials.front().settings, *group.trials.front().dataset);
  if (measure.rounds != kAutomaticRounds && rounds_of_trial(measure, steps) < measure.rounds) {
    progress.warn(fmt::format("{}: {} steps are enough for {} rounds of the {} asked for", group.id, steps,
                              rounds_of_trial(measure, steps), measure.rounds));
  }
  if (!std::ranges::all_of(members, [](const Member& member) { return !member.run || member.run->can_save(); })) {
    checkpoints.publish = nullptr;
  }
  // Lets the group come to its end where the last round does.
  const std::optional<FinishRound> finish = checkpoints.publish ? std::make_optional<FinishRound>() : std::nullopt;
  Rounds rounds(group, members, result.trials, peaks, checkpoints, progress);
  checkpoints.from.reset();  // its memory
  const auto begin = std::chrono::steady_clock::now();
  const bool ended = rounds.run();
  result.rounds_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!ended) {
    record_interrupted(group, members, result);
    return result;
  }

  rounds.write(result.rounds);
  for (std::size_t m = 0; m < members.size(); ++m) {
    const Member& member = members[m];
    const PlannedTrial& planned = *member.planned;
    TrialRecord& record = result.trials[member.index];
    if (member.run) record = member.run->record();
    summarise(record, *planned.settings, *planned.dataset, rounds.peaks().of_trial(*planned.settings),
              rounds.segments_of(m));
    judge_limits(record, planned, result.rounds, rounds.peaks());
    if (!std::isnan(record.memory.model.parameters)) record.memory.resident_peak = member.memory.peak();
  }
  if (result.trials.size() > group.trials.size()) {
    check_twin(result.trials[group.baseline], result.trials.back(), progress);
    result.trials.pop_back();
  }
  members.clear();  // their networks' memory
  compare_with_baseline(result.trials, result.rounds, measure.interleave);
  add_forecasts(group, result.trials, progress);
  add_studies(group, result.rounds, result.trials);
  for (std::size_t i = 0; i < result.trials.size(); ++i) {
    if (!group.trials[i].settings->record.steps) result.trials[i].steps = {};
  }
  report_disturbances(result, progress);
  warn_of_short_blocks(group, result.rounds, progress);
  warn_of_other_threads(result.trials, progress);
  warn_of_unpinned(group, result.trials, progress);
  return result;
}

}  // namespace stepbench
