#include "experiments/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "core/results/merge.hpp"
#include "experiments/machine/environment.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/output.hpp"

namespace stepbench {
namespace {

/// What all files of a run have in common.
ResultFile describe_run(const Experiment& experiment) {
  ResultFile file;
  file.experiment = experiment.settings.name;
  file.description = experiment.settings.description;
  file.config_text = experiment.text;
  file.created = utc_now();
  const BuildInfo build = build_info();
  file.stepbench_version = build.version;
  file.git_commit = build.git_commit;
  file.git_dirty = build.git_dirty;
  file.environment = describe_environment();
  return file;
}

void warn_of_the_build(const ResultFile& file, Progress& progress) {
  for (const auto& [name, value] : file.environment) {
    if (name == "native_code" && !std::get<bool>(value)) {
      progress.warn(
          "this is a portable build (STEPBENCH_NATIVE=OFF): element-wise passes run without this CPU's widest vectors");
    }
  }
#if !defined(NDEBUG) || !defined(__OPTIMIZE__)
  progress.warn("this is a debug build: its times say nothing");
#endif
}

void warn_of_oversubscription(std::span<const PlannedGroup> groups, Progress& progress) {
  std::int64_t most = 0;
  for (const PlannedGroup& group : groups) {
    for (const PlannedTrial& trial : group.trials) {
      if (trial.unsupported.empty()) most = std::max(most, trial.settings->threads);
    }
  }
  if (most > available_cores()) {
    progress.warn(fmt::format("{} threads on {} cores: trials with more threads than cores wait for each other", most,
                              available_cores()));
  }
}

}  // namespace

ResultFile run_experiment(const RunRequest& request, Progress& progress) {
  RunOutput output(request.output, request.overwrite);
  progress.status("measuring the machine");
  const ResultFile run = describe_run(request.experiment);
  warn_of_the_build(run, progress);
  warn_of_oversubscription(request.groups, progress);
  const Backend& reference = *find_backend(backends(), kReferenceBackend);
  for (const PlannedGroup& group : request.groups) {
    GroupResult result = run_group(group, reference, progress);
    for (TrialRecord& record : result.trials) {
      ResultFile single = run;
      single.status = record.status == Status::unsupported ? Status::completed : record.status;
      GroupRecord columns = columns_of(result.rounds, std::array{record.id, twin_id(record.id)});
      if (!columns.trials.empty()) single.groups.push_back(std::move(columns));
      single.trials.push_back(std::move(record));
      output.publish_trial(single);
      progress.note(fmt::format("{}: {}", single.trials.front().id, to_text(single.trials.front().status)));
    }
  }
  std::vector<std::string> ids;
  for (const TrialSettings& trial : request.experiment.trials) ids.push_back(trial.id);
  return output.publish_collection(ids, request.experiment.trials.front().record.keep_trial_files);
}

}  // namespace stepbench
