#include "experiments/plan/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "core/arm.hpp"
#include "core/error.hpp"
#include "core/models/model_kinds.hpp"
#include "core/text/suggestion.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/machine/topology.hpp"
#include "experiments/plan/data_folders.hpp"
#include "experiments/plan/round_cut.hpp"
#include "experiments/plan/start_parameters.hpp"
#include "experiments/plan/trial_steps.hpp"

namespace stepbench {
namespace {

const Backend& require_backend(const Experiment& experiment, std::span<const Backend> backends,
                               const std::string& name) {
  if (const Backend* backend = find_backend(backends, name)) return *backend;
  std::vector<std::string_view> names;
  for (const Backend& backend : backends) names.push_back(backend.name);
  throw InputError(fmt::format("{}found \"{}\", allowed: {}{}", experiment.where("sweep.backend"), name,
                               fmt::join(names, ", "), suggestion(name, names)));
}

/// Loads each data set that the trials name once.
class DatasetCache {
 public:
  explicit DatasetCache(const Experiment& experiment)
      : experiment_(experiment), folders_(data_folders(experiment.file)) {}

  std::shared_ptr<const Dataset> get(const TrialSettings& trial) {
    std::string identity = "context=" + std::to_string(trial.model.context) + "\n";
    for (const auto& [key, value] : setting_values(trial, key_table())) {
      if (key.starts_with("dataset.")) identity += key + "=" + to_text(value) + "\n";
    }
    std::shared_ptr<const Dataset>& entry = loaded_[identity];
    if (!entry) entry = std::make_shared<const Dataset>(load(trial));
    return entry;
  }

 private:
  /// What is wrong with the data is said at the place in the config that asks for it.
  Dataset load(const TrialSettings& trial) const {
    try {
      return load_dataset(trial.dataset, trial.model.context, folders_);
    } catch (const SettingError& error) {
      throw InputError(experiment_.where(error.key()) + error.problem());
    } catch (const InputError& error) {
      throw InputError(experiment_.where("dataset.path") + error.what());
    }
  }

  const Experiment& experiment_;
  std::vector<std::filesystem::path> folders_;
  std::map<std::string, std::shared_ptr<const Dataset>> loaded_;
};

/// Checked in the type that training reads, which the data alone does not tell.
void require_precision_fit(const Experiment& experiment, const TrialSettings& trial, const Dataset& dataset) {
  if (!computes_in_float32(trial.training.precision) || dataset.beyond_float32.empty()) return;
  throw InputError(fmt::format("{}found \"{}\", which cannot hold what {} has: {}; allowed: float64",
                               experiment.where("training.precision"),
                               trial.training.precision == Precision::float32 ? "float32" : "bfloat16",
                               trial.dataset.path, dataset.beyond_float32));
}

/// A step of fewer samples than its workers are to have each would be of a study that is not weak.
void require_samples(const Experiment& experiment, const TrialSettings& trial, const Dataset& dataset) {
  const std::int64_t samples = dataset.train.samples;
  if (trial.scaling.kind != ScalingKind::weak || trial.batch_size() <= samples) return;
  throw InputError(fmt::format(
      "{}found \"{}\" with scaling.kind = weak, of which {} need {} training samples and there "
      "are {}, allowed: {}",
      experiment.where("training.batch_size"), trial.training.batch_size, trial.workers(), trial.batch_size(), samples,
      samples < trial.workers() ? "fewer ranks or threads" : fmt::format("at most {}", samples / trial.workers())));
}

/// A pilot and rounds that can tell something take some steps.
void require_steps(const Experiment& experiment, const TrialSettings& trial, const Dataset& dataset) {
  if (trial.measure.rounds != kAutomaticRounds) return;
  const std::int64_t steps = steps_of_trial(trial, dataset), least = least_steps_for_auto(trial.measure);
  if (steps >= least) return;
  throw InputError(
      fmt::format("{}found \"auto\" with {} training steps, allowed: a number, or at least {} steps for a "
                  "pilot of {} rounds and {} more",
                  experiment.where("measure.rounds"), steps, least, kPilotRounds, kMinimumPairs));
}

/// With `model.init = file:PATH#TRIAL`, the parameters that it names.
void read_start(const Experiment& experiment, StartFiles& files, TrialSettings& trial) {
  try {
    trial.model.start_parameters = files.read(trial.model, trial.training.precision);
  } catch (const InputError& error) {
    throw InputError(experiment.where("model.init") + error.what());
  }
}

/// The settings with what only the data tells; throws InputError when the two do not fit.
std::shared_ptr<const TrialSettings> fit_to_data(const Experiment& experiment, TrialSettings trial,
                                                 const Dataset& dataset, StartFiles& start_files) {
  try {
    row_of(trial.model.kind).fit(trial, dataset);
  } catch (const SettingError& error) {
    throw InputError(experiment.where(error.key()) + error.problem());
  }
  require_precision_fit(experiment, trial, dataset);
  require_samples(experiment, trial, dataset);
  require_steps(experiment, trial, dataset);
  read_start(experiment, start_files, trial);
  place_trial(trial);
  return std::make_shared<const TrialSettings>(std::move(trial));
}

/// `measure.baseline` names an arm, perhaps of several; without it, the first supported trial.
std::size_t find_baseline(const Experiment& experiment, const PlannedGroup& group) {
  const auto first = [&group](auto matches) {
    const auto found = std::find_if(group.trials.begin(), group.trials.end(), [&matches](const PlannedTrial& trial) {
      return trial.unsupported.empty() && matches(*trial.settings);
    });
    return static_cast<std::size_t>(found - group.trials.begin());
  };
  const std::string& name = group.trials.front().settings->measure.baseline;
  if (name.empty()) {
    const std::size_t any = first([](const TrialSettings&) { return true; });
    return any == group.trials.size() ? 0 : any;
  }
  const std::size_t found = first([&name](const TrialSettings& trial) { return arm_of(trial).is_called(name); });
  if (found == group.trials.size()) {
    std::vector<std::string> names;
    for (const PlannedTrial& trial : group.trials) {
      if (trial.unsupported.empty()) names.push_back(arm_of(*trial.settings).name());
    }
    throw InputError(fmt::format("{}found \"{}\", allowed: a backend of the sweep, or one of {}",
                                 experiment.where("measure.baseline"), name, fmt::join(names, ", ")));
  }
  return found;
}

std::int64_t supported_trials(const PlannedGroup& group) {
  return std::ranges::count_if(group.trials, [](const PlannedTrial& trial) { return trial.unsupported.empty(); });
}

void count_comparisons(std::vector<PlannedGroup>& groups) {
  std::map<std::string, std::int64_t> seeds;  // by condition
  std::int64_t comparisons = 0;
  for (const PlannedGroup& group : groups) {
    if (++seeds[condition_of(group)] == 1 && compares(group)) comparisons += supported_trials(group) - 1;
  }
  for (PlannedGroup& group : groups) {
    group.comparisons = static_cast<std::size_t>(std::max<std::int64_t>(1, comparisons));
    group.seeds = seeds[condition_of(group)];
  }
}

/// Of trials that the user wants pinned and that cannot be, one for each reason.
std::vector<std::string> pin_warnings(std::span<const PlannedGroup> groups) {
  std::vector<std::string> warnings;
  for (const PlannedGroup& group : groups) {
    for (const PlannedTrial& trial : group.trials) {
      const TrialSettings& settings = *trial.settings;
      if (!trial.unsupported.empty() || settings.measure.pin == Pin::automatic || settings.places.why_not.empty()) {
        continue;
      }
      const std::string warning =
          fmt::format("measure.pin = {}: not pinned: {}", settings.measure.pin == Pin::spread ? "spread" : "compact",
                      settings.places.why_not);
      if (std::ranges::find(warnings, warning) == warnings.end()) warnings.push_back(warning);
    }
  }
  return warnings;
}

}  // namespace

std::string condition_of(const PlannedGroup& group) {
  const std::size_t end = group.id.find('-');
  return end == std::string::npos ? "" : group.id.substr(end + 1);
}

bool compares(const PlannedGroup& group) { return supported_trials(group) > 1; }

void place_trial(TrialSettings& trial) {
  trial.places = {};
  if (trial.measure.pin != Pin::none)
    trial.places = place_threads(trial.measure.pin, trial.all_threads(), this_topology());
}

std::vector<PlannedGroup> plan_experiment(const Experiment& experiment, std::span<const Backend> backends) {
  std::vector<PlannedGroup> groups;
  DatasetCache datasets(experiment);
  StartFiles start_files(data_folders(experiment.file));
  std::string last_reason;
  bool any_supported = false;
  for (const TrialSettings& trial : experiment.trials) {
    auto group = std::find_if(groups.begin(), groups.end(), [&](const PlannedGroup& g) { return g.id == trial.group; });
    if (group == groups.end()) group = groups.insert(groups.end(), PlannedGroup{.id = trial.group, .trials = {}});
    const Backend& backend = require_backend(experiment, backends, trial.backend);
    std::string unsupported = unsupported_reason(backend, trial);
    if (unsupported.empty()) {
      any_supported = true;
    } else {
      last_reason = unsupported;
    }
    std::shared_ptr<const Dataset> dataset = datasets.get(trial);
    std::shared_ptr<const TrialSettings> settings = fit_to_data(experiment, trial, *dataset, start_files);
    group->trials.push_back({std::move(settings), &backend, std::move(unsupported), std::move(dataset)});
  }
  if (!any_supported) {
    throw InputError(experiment.where("sweep.backend") + "no trial of the sweep can run: " + last_reason);
  }
  for (PlannedGroup& group : groups) group.baseline = find_baseline(experiment, group);
  count_comparisons(groups);
  return groups;
}

std::vector<std::string> data_warnings(std::span<const PlannedGroup> groups) {
  std::vector<std::string> warnings;
  for (const PlannedGroup& group : groups) {
    for (const PlannedTrial& trial : group.trials) {
      for (const std::string& warning : trial.dataset->warnings) {
        if (std::ranges::find(warnings, warning) == warnings.end()) warnings.push_back(warning);
      }
    }
  }
  return warnings;
}

std::vector<std::string> plan_warnings(std::span<const PlannedGroup> groups) {
  std::int64_t most_threads = 0;
  std::vector<std::string> warnings = data_warnings(groups);
  for (const PlannedGroup& group : groups) {
    for (const PlannedTrial& trial : group.trials) {
      if (trial.unsupported.empty()) most_threads = std::max(most_threads, trial.settings->all_threads());
    }
    const PlannedTrial& first = group.trials.front();
    const std::int64_t batch = first.settings->batch_size(), samples = first.dataset->train.samples;
    if (batch <= samples) continue;
    const std::string warning =
        fmt::format("training.batch_size = {} is more than the {} training samples: a step trains on all {}", batch,
                    samples, samples);
    if (std::ranges::find(warnings, warning) == warnings.end()) warnings.push_back(warning);
  }
  for (std::string& warning : pin_warnings(groups)) warnings.push_back(std::move(warning));
  if (most_threads > available_cores()) {
    warnings.push_back(fmt::format("{} threads on {} cores: trials with more threads than cores wait for each other",
                                   most_threads, available_cores()));
  }
  return warnings;
}

const KeyTable& key_table() {
  static const KeyTable table = [] {
    std::vector<DatasetKeys> datasets;
    for (const DatasetKind& kind : dataset_kinds()) datasets.push_back({kind.name, kind.keys});
    std::vector<BackendKeys> with_settings;
    for (const Backend& backend : backends()) with_settings.push_back({backend.name, backend.own_settings});
    return KeyTable(std::move(datasets), with_settings);
  }();
  return table;
}

}  // namespace stepbench
