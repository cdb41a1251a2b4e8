#include "experiments/measure/group_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <optional>
#include <thread>

#include "core/parameters.hpp"
#include "core/random.hpp"
#include "core/statistics.hpp"
#include "experiments/machine/environment.hpp"
#include "experiments/machine/fma_peak.hpp"
#include "experiments/measure/gate.hpp"
#include "experiments/measure/gate_batch.hpp"
#include "experiments/measure/trial_run.hpp"

namespace stepbench {
namespace {

/// A trial of the group that is being trained.
struct Member {
  std::size_t index;  // in the group
  const PlannedTrial* planned;
  std::unique_ptr<TrialRun> run;
};

double process_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Waits until no thread of this process runs any more: idle workers of OpenBLAS and TBB spin for a while after the
/// last block, and would take the next block's cores.
void wait_for_idle_workers() {
  using std::chrono::milliseconds;
  constexpr milliseconds kLook{2}, kLongest{200};
  constexpr double kIdleShare = 0.05;  // of one core
  for (milliseconds waited{0}; waited < kLongest; waited += kLook) {
    const double before = process_cpu_seconds();
    std::this_thread::sleep_for(kLook);
    if (process_cpu_seconds() - before < kIdleShare * std::chrono::duration<double>(kLook).count()) return;
  }
}

TrialRecord blank_record(const PlannedTrial& planned, bool is_baseline) {
  const TrialSettings& trial = *planned.settings;
  TrialRecord record;
  record.id = trial.id;
  record.group = trial.group;
  record.backend = trial.backend;
  record.threads = trial.threads;
  record.seed = trial.seed;
  record.settings = setting_values(trial, dataset_keys());
  record.dataset_digest = planned.dataset->digest;
  record.same_bits_for_any_threads = planned.backend->same_bits_for_any_threads;
  record.is_baseline = is_baseline;
  record.parameters = parameter_layout(trial.model).size;
  record.flops_per_step = flops_per_step(trial.model, trial.training.batch_size);
  return record;
}

void fail(TrialRecord& record, const std::string& message, Progress& progress) {
  record.status = Status::failed;
  record.message = message;
  progress.warn(fmt::format("{} failed: {}", record.id, message));
}

/// The FMA peaks that the group's trials are held against, taken once per round for each number of cores in use.
class Peaks {
 public:
  explicit Peaks(const PlannedGroup& group) : precision_(group.trials.front().settings->training.precision) {
    for (const PlannedTrial& trial : group.trials) samples_[cores(trial.settings->threads)];
    samples_[available_cores()];
  }
  void take() {
    for (auto& [threads, samples] : samples_) samples.push_back(fma_peak_gflops(threads, precision_));
  }
  /// The best of the rounds: what disturbs a round lowers its peak, and a limit is what can be reached at all.
  [[nodiscard]] double of_trial(const TrialSettings& trial) const {
    return std::ranges::max(samples_.at(cores(trial.threads)));
  }
  [[nodiscard]] const std::vector<double>& of_all_cores() const { return samples_.at(available_cores()); }

 private:
  static int cores(std::int64_t threads) {
    return static_cast<int>(std::min<std::int64_t>(threads, available_cores()));
  }
  Precision precision_;
  std::map<int, std::vector<double>> samples_;
};

/// Passes the group's trials through the gate and makes the runs of those that pass.
std::vector<Member> start_members(const PlannedGroup& group, const Backend& reference,
                                  std::vector<TrialRecord>& records, Progress& progress) {
  std::vector<Member> members;
  std::optional<GateReference> expected;
  for (std::size_t i = 0; i < group.trials.size(); ++i) {
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
      if (trial.measure.gate) {
        progress.status(fmt::format("checking {}", trial.id));
        const std::vector<std::int64_t> order = gate_batch(trial, *planned.dataset);
        if (!expected) expected = gate_reference(reference, trial, *planned.dataset, order);
        GateResult gate = run_gate(*planned.backend, *expected, trial, *planned.dataset, order);
        record.checks = std::move(gate.checks);
        if (!gate.passed) {
          fail(record, "gate: " + gate.message, progress);
          continue;
        }
        progress.note(fmt::format("{}: passed the gate", trial.id));
      }
      members.push_back({i, &planned, start_trial(*planned.backend, trial, *planned.dataset, record)});
    } catch (const std::exception& error) {
      fail(record, error.what(), progress);
    }
  }
  return members;
}

/// Rounds of the measurement: as many as asked for, but never so many that a block has no step that counts.
std::int64_t rounds_of(const MeasureSettings& measure, std::int64_t total_steps) {
  return std::clamp<std::int64_t>(total_steps / (measure.warmup_steps + 1), 1, measure.rounds);
}

/// Trains all members to their end. `position` (R, M) gets each member's place in each round's order.
void train_rounds(const PlannedGroup& group, std::vector<Member>& members, std::int64_t rounds, Peaks& peaks,
                  std::vector<TrialRecord>& records, std::vector<std::int64_t>& position, Progress& progress) {
  const TrialSettings& settings = *group.trials.front().settings;
  const std::int64_t total = members.front().run->total_steps();
  const std::size_t count = members.size();
  const double work = group_work(group) / static_cast<double>(rounds);
  const auto train = [&](Member& member, std::int64_t round) {
    if (!member.run || !member.run->can_train()) return;
    wait_for_idle_workers();
    try {
      member.run->train(total * (round + 1) / rounds - total * round / rounds, round);
    } catch (const std::exception& error) {
      TrialRecord record = member.run->record();
      fail(record, error.what(), progress);
      records[member.index] = std::move(record);
      member.run.reset();
    }
  };
  position.resize(static_cast<std::size_t>(rounds) * count);
  if (!settings.measure.interleave) {
    for (std::size_t m = 0; m < count; ++m) {
      for (std::int64_t r = 0; r < rounds; ++r) {
        if (m == 0) peaks.take();
        progress.status(fmt::format("{} {} of {}", members[m].planned->settings->id, r + 1, rounds));
        train(members[m], r);
        position[static_cast<std::size_t>(r) * count + m] = static_cast<std::int64_t>(m);
        progress.advance(work / static_cast<double>(count));
      }
    }
    return;
  }
  for (std::int64_t r = 0; r < rounds; ++r) {
    progress.status(fmt::format("{} round {} of {}", group.id, r + 1, rounds));
    peaks.take();
    const std::vector<std::int64_t> order =
        permutation(std::ssize(members), {settings.seed, Purpose::round_order, static_cast<std::uint64_t>(r)});
    for (std::size_t k = 0; k < count; ++k) {
      const auto m = static_cast<std::size_t>(order[k]);
      train(members[m], r);
      position[static_cast<std::size_t>(r) * count + m] = static_cast<std::int64_t>(k);
      progress.advance(work / static_cast<double>(count));
    }
  }
}

/// Ratios of all timed trials against the baseline, paired by round.
void compare_with_baseline(GroupResult& result, bool interleaved) {
  const auto column = [&result](const std::string& id) {
    const GroupRecord& rounds = result.rounds;
    const auto found = std::find(rounds.trials.begin(), rounds.trials.end(), id);
    std::vector<double> times;
    if (found == rounds.trials.end()) return times;
    const auto m = static_cast<std::size_t>(found - rounds.trials.begin());
    for (std::size_t i = m; i < rounds.step_time.size(); i += rounds.trials.size())
      times.push_back(rounds.step_time[i]);
    return times;
  };
  const auto baseline = std::find_if(result.trials.begin(), result.trials.end(),
                                     [](const TrialRecord& record) { return record.is_baseline; });
  if (baseline == result.trials.end()) return;
  const std::vector<double> baseline_times = column(baseline->id);
  for (TrialRecord& record : result.trials) {
    const std::vector<double> times = column(record.id);
    if (times.empty() || baseline_times.empty()) continue;
    const RatioEstimate estimate = paired_ratio(baseline_times, times);
    record.summary.speed_ratio = estimate.ratio;
    if (!interleaved || &record == &*baseline) continue;  // blocks that did not alternate share no rounds
    record.summary.speed_ratio_low = estimate.low;
    record.summary.speed_ratio_high = estimate.high;
  }
}

}  // namespace

double group_work(const PlannedGroup& group) {
  double work = 0;
  for (const PlannedTrial& trial : group.trials) {
    if (!trial.unsupported.empty()) continue;
    work += flops_per_step(trial.settings->model, trial.settings->training.batch_size) *
            static_cast<double>(steps_of_trial(*trial.settings, *trial.dataset));
  }
  return work;
}

GroupResult run_group(const PlannedGroup& group, const Backend& reference, Progress& progress) {
  GroupResult result;
  result.rounds.id = group.id;
  std::vector<Member> members = start_members(group, reference, result.trials, progress);
  if (members.empty()) return result;

  const MeasureSettings& measure = group.trials.front().settings->measure;
  const std::int64_t rounds = rounds_of(measure, members.front().run->total_steps());
  if (rounds < measure.rounds) {
    progress.warn(fmt::format("{}: {} steps are enough for {} rounds of the {} asked for", group.id,
                              members.front().run->total_steps(), rounds, measure.rounds));
  }
  Peaks peaks(group);
  std::vector<std::int64_t> position;
  train_rounds(group, members, rounds, peaks, result.trials, position, progress);

  std::vector<std::vector<double>> step_times;
  for (Member& member : members) {
    const PlannedTrial& planned = *member.planned;
    TrialRecord& record = result.trials[member.index];
    if (member.run) record = member.run->record();
    summarise(record, *planned.settings, *planned.dataset, peaks.of_trial(*planned.settings));
    step_times.push_back(round_step_times(record, *planned.settings, *planned.dataset, rounds));
    result.rounds.trials.push_back(record.id);
    if (!planned.settings->record.steps) record.steps = {};
  }
  for (std::size_t r = 0; r < static_cast<std::size_t>(rounds); ++r) {
    for (const std::vector<double>& times : step_times) result.rounds.step_time.push_back(times[r]);
  }
  result.rounds.position = std::move(position);
  result.rounds.peak_gflops = peaks.of_all_cores();
  compare_with_baseline(result, measure.interleave);
  return result;
}

}  // namespace stepbench
