#include "experiments/run/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <new>
#include <optional>
#include <set>
#include <utility>

#include "core/arm.hpp"
#include "core/error.hpp"
#include "core/results/merge.hpp"
#include "core/results/result_file.hpp"
#include "experiments/expect/judge_results.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/machine/environment.hpp"
#include "experiments/machine/fma_peak.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/run/checkpoint.hpp"
#include "experiments/run/resume.hpp"
#include "experiments/terminal/interrupt.hpp"

namespace stepbench {
namespace {

/// What all files of a run have in common.
ResultFile describe_run(const RunRequest& request) {
  const Experiment& experiment = request.experiment;
  ResultFile file;
  file.experiment = experiment.settings.name;
  file.description = experiment.settings.description;
  file.config_text = experiment.text;
  file.created = utc_now();
  const RunIdentity identity = this_identity();
  file.stepbench_version = identity.version;
  file.git_commit = identity.git_commit;
  file.git_dirty = identity.git_dirty;
  file.shard = request.shard;
  file.expectations = not_judged(experiment.expectations);
  return file;
}

/// Half a second of measuring: only when something is going to run.
void describe_machine(ResultFile& file, Progress& progress) {
  progress.status("measuring the machine");
  file.environments = {describe_environment()};
}

void warn_of_the_build([[maybe_unused]] Progress& progress) {
#if !defined(NDEBUG) || !defined(__OPTIMIZE__)
  progress.warn("this is a debug build: its times say nothing");
#endif
}

void warn_of_the_machine(const KeyValues& environment, Progress& progress) {
  const double one = std::get<double>(*find_value(environment, "peak_gflops_1"));
  const double all = std::get<double>(*find_value(environment, "peak_gflops_all"));
  if (std::isnan(all)) {
    progress.warn(
        fmt::format("the peak of all {} cores cannot be measured: this process cannot have so many threads, see "
                    "`ulimit -u` and the container's limits",
                    available_cores()));
  }
  if (core_sharing(one, all, available_cores()) != CoreSharing::shared) return;
  progress.warn(
      fmt::format("all {} cores together reach {:.2f} times the multiply-adds of one: they share one core, or "
                  "others are busy; `stepbench doctor` tells which",
                  available_cores(), all / one));
}

/// The backend, or its arm on ranks, whose networks live in processes of their own, and so leave the group no
/// checkpoint; or empty.
std::string keeper_of_moments(const PlannedGroup& group) {
  for (const PlannedTrial& trial : group.trials) {
    if (!trial.unsupported.empty()) continue;
    if (trial.backend->own_process) return std::string(trial.backend->name);
    if (trial.settings->ranks.count > 0) return arm_of(*trial.settings).name();
  }
  return "";
}

/// Publishes a group's trials, each with its columns of the group's rounds. Of a group that was interrupted, a trial
/// that an earlier run had finished stays as it is.
void publish_group(GroupResult result, const ResultFile& run, const RunOutput& output,
                   const std::set<std::string>& finished_before, Progress& progress) {
  for (TrialRecord& record : result.trials) {
    if (record.status == Status::interrupted && finished_before.contains(record.id)) continue;
    ResultFile single = run;
    single.status = record.status == Status::unsupported ? Status::completed : record.status;
    single.groups.push_back(columns_of(result.rounds, std::array{record.id, twin_id(record.id)}));
    single.trials.push_back(std::move(record));
    output.publish_trial(single);
    progress.note(fmt::format("{}: {}", single.trials.front().id, to_text(single.trials.front().status)));
  }
}

/// Of the trials that are run here, in the order of the sweep: that of a file.
std::vector<std::string> ids_of(const RunRequest& request) {
  std::set<std::string> groups;
  for (const PlannedGroup& group : request.groups) groups.insert(group.id);
  std::vector<std::string> ids;
  for (const TrialSettings& trial : request.experiment.trials) {
    if (groups.contains(trial.group)) ids.push_back(trial.id);
  }
  return ids;
}

bool keeps_trial_files(const Experiment& experiment) { return experiment.trials.front().record.keep_trial_files; }

/// A run in progress: what is finished, and what to say when it ends early.
class SweepRun {
 public:
  SweepRun(const RunRequest& request, const RunOutput& output, StopOnSignal& signals, Progress& progress)
      : request_(request),
        output_(output),
        signals_(signals),
        progress_(progress),
        ids_(ids_of(request)),
        run_(describe_run(request)) {
    for (const std::string& warning : plan_warnings(request.groups)) progress.warn(warning);
    work_ = find_finished(request.groups, request.shard, output.trial_files(), progress);
    std::size_t kept = 0;
    for (std::size_t g = 0; g < request.groups.size(); ++g) {
      if (!work_.groups[g]) continue;
      kept += request.groups[g].trials.size();
      progress.skip(group_work(request.groups[g]));
    }
    finished_ = kept;
    checkpoints_ = find_checkpoints(request.groups, request.shard, output.checkpoint_files(), progress);
    for (std::size_t g = 0; g < request.groups.size(); ++g) {
      // It was finished, and the run ended before this.
      if (work_.groups[g] && checkpoints_.erase(g) > 0) output.remove_checkpoint(request.groups[g].id);
    }
    if (request.if_present == IfPresent::resume) {
      progress.say(fmt::format("{} of {} trials are finished and kept", kept, ids_.size()));
    }
  }

  void run_groups() {
    const Backend& reference = *find_backend(backends(), kReferenceBackend);
    bool described = false;
    signals_.set_last_words(farewell());
    for (std::size_t g = 0; g < request_.groups.size(); ++g) {
      if (work_.groups[g]) continue;
      if (!std::exchange(described, true)) {
        describe_machine(run_, progress_);
        warn_of_the_build(progress_);
        warn_of_the_machine(run_.environments.front(), progress_);
      }
      if (stop_requested()) stop();
      run_one(g, reference);
    }
  }

  [[nodiscard]] ResultFile publish_collection() const {
    return output_.publish_collection(run_, ids_, keeps_trial_files(request_.experiment));
  }

  /// What is finished, and how to go on from there.
  [[nodiscard]] std::string standing() const {
    const std::string finished = finished_ == 0 ? "no trial is finished yet"
                                                : fmt::format("{} of {} trials are finished and kept in {}", finished_,
                                                              ids_.size(), output_.trials_folder().string());
    const std::string under_way = checkpoint_.empty() ? "" : ", " + checkpoint_;
    return fmt::format("{}{}; the same command with --resume{} goes on", finished, under_way,
                       request_.if_present == IfPresent::overwrite ? " in place of --overwrite" : "");
  }

 private:
  /// Runs a group, from its checkpoint where it has one, and publishes it.
  void run_one(std::size_t g, const Backend& reference) {
    const PlannedGroup& group = request_.groups[g];
    ResultFile run = run_;
    GroupRecord environments;  // of the group's segments
    std::optional<GroupState> from = begin(g, run, environments);
    const auto named = [&environments](GroupRecord rounds) {
      rounds.environment = environments.environment;
      rounds.earlier_environments = environments.earlier_environments;
      return rounds;
    };
    const auto publish = [&](GroupState state) {
      state.rounds = named(std::move(state.rounds));
      output_.publish_checkpoint(checkpoint_image(run, state), group.id);
      note_checkpoint(state);
      progress_.note("checkpoint: " + checkpoint_);
    };
    const auto every = static_cast<double>(group.trials.front().settings->record.checkpoint_every);
    constexpr double kNever = std::numeric_limits<double>::infinity();
    GroupResult result = run_group(group, reference, peaks_, progress_,
                                   {.from = std::move(from), .publish = publish, .every = every < 0 ? kNever : every});
    const bool stopped = result.stopped;
    result.rounds = named(std::move(result.rounds));
    publish_group(std::move(result), run, output_, work_.trials, progress_);
    if (stopped) stop();
    output_.remove_checkpoint(group.id);
    checkpoint_.clear();
    finished_ += group.trials.size();
    signals_.set_last_words(farewell());
  }

  /// What the group goes on from, and in which environments it was; nothing for one that starts.
  [[nodiscard]] std::optional<GroupState> begin(std::size_t g, ResultFile& run, GroupRecord& environments) {
    const PlannedGroup& group = request_.groups[g];
    const auto found = checkpoints_.find(g);
    if (found == checkpoints_.end()) {
      const std::string keeper = work_.interrupted.contains(group.id) ? keeper_of_moments(group) : "";
      if (!keeper.empty()) {
        progress_.say(fmt::format("{} starts anew: {} trains in a process of its own, which hands over no moments",
                                  group.id, keeper));
      }
      return std::nullopt;
    }
    Checkpoint checkpoint = checkpoint_from_image(read_published(found->second), found->second);
    name_earlier_environments(checkpoint, run, environments);
    note_checkpoint(checkpoint.state);
    progress_.say(fmt::format("{} goes on: {}", group.id, checkpoint_));
    return std::move(checkpoint.state);
  }

  void note_checkpoint(const GroupState& state) {
    checkpoint_ = fmt::format("{} of the {} blocks of {} are kept in its checkpoint", state.blocks, state.all_blocks(),
                              state.rounds.id);
    signals_.set_last_words(farewell());
  }

  [[nodiscard]] std::string farewell() const { return "interrupted: " + standing(); }
  [[noreturn]] void stop() const { throw Interrupted(farewell()); }

  const RunRequest& request_;
  const RunOutput& output_;
  StopOnSignal& signals_;
  Progress& progress_;
  const std::vector<std::string> ids_;  // of all trials that are to be run
  ResultFile run_;
  FinishedWork work_;
  std::map<std::size_t, std::filesystem::path> checkpoints_;  // by group
  std::string checkpoint_;                                    // what is kept of the group under way; empty: nothing
  PeakHistory peaks_;
  std::size_t finished_ = 0;  // trials
};

}  // namespace

ResultFile run_experiment(const RunRequest& request, Progress& progress) {
  const RunOutput output(request.output, request.if_present);
  if (!output.lock_problem().empty()) progress.warn(output.lock_problem());
  if (output.is_complete()) {
    ResultFile whole = read_complete(request.output, request.groups, request.shard);
    // The config may expect something else by now; the file stays as it is.
    if (request.shard.is_whole()) whole.expectations = judge_expectations(request.experiment.expectations, whole);
    progress.say(fmt::format("{} holds all {} trials: nothing to do", request.output.string(), whole.trials.size()));
    if (!keeps_trial_files(request.experiment)) output.remove_trial_files(ids_of(request));
    return whole;
  }
  StopOnSignal signals;
  SweepRun sweep(request, output, signals, progress);
  try {
    sweep.run_groups();
    return sweep.publish_collection();
  } catch (const Interrupted&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw OutputError("out of memory; " + sweep.standing());
  } catch (const Error& error) {
    throw OutputError(fmt::format("{}; {}", error.what(), sweep.standing()));
  }
}

}  // namespace stepbench
