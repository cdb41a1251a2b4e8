#include "experiments/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "core/error.hpp"
#include "experiments/data_folders.hpp"

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
      : experiment_(experiment), folders_(data_folders(experiment.file)), keys_(dataset_keys()) {}

  std::shared_ptr<const Dataset> get(const TrialSettings& trial) {
    std::string identity;
    for (const auto& [key, value] : setting_values(trial, keys_)) {
      if (key.starts_with("dataset.")) identity += key + "=" + to_text(value) + "\n";
    }
    std::shared_ptr<const Dataset>& entry = loaded_[identity];
    if (!entry) entry = std::make_shared<const Dataset>(load(trial.dataset));
    return entry;
  }

 private:
  /// What is wrong with the data is said at the place in the config that asks for it.
  Dataset load(const DatasetSettings& settings) const {
    try {
      return load_dataset(settings, 0, folders_);
    } catch (const InputError& error) {
      const std::string message = error.what();
      const std::size_t colon = message.find(": ");
      if (message.starts_with("dataset.") && colon != std::string::npos) {
        throw InputError(experiment_.where(message.substr(0, colon)) + message.substr(colon + 2));
      }
      throw InputError(experiment_.where("dataset.path") + message);
    }
  }

  const Experiment& experiment_;
  std::vector<std::filesystem::path> folders_;
  std::vector<DatasetKeys> keys_;
  std::map<std::string, std::shared_ptr<const Dataset>> loaded_;
};

void require_fit(const Experiment& experiment, const TrialSettings& trial, const Dataset& dataset) {
  const std::vector<std::int64_t>& layers = trial.model.layers;
  const char* what = dataset.train.labels.empty() ? "targets" : "classes";
  if (layers.front() != dataset.features || layers.back() != dataset.outputs) {
    throw InputError(fmt::format("{}found {}, but the data has {} features and {} {}: allowed: {},...,{}",
                                 experiment.where("model.layers"), fmt::join(layers, ","), dataset.features,
                                 dataset.outputs, what, dataset.features, dataset.outputs));
  }
  if (trial.model.loss == Loss::cross_entropy && dataset.train.labels.empty()) {
    throw InputError(experiment.where("model.loss") +
                     "cross_entropy needs class labels, but the data has targets: allowed: squared_error");
  }
  if (trial.training.target && trial.training.target->metric == Target::Metric::validation_accuracy &&
      dataset.train.labels.empty()) {
    throw InputError(experiment.where("training.target") +
                     "validation_accuracy needs class labels, but the data has targets");
  }
}

/// `measure.baseline` is a backend or a backend-tN; without it, the first supported trial.
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
  const std::size_t found = first([&name](const TrialSettings& trial) {
    return name == trial.backend || name == trial.backend + "-t" + std::to_string(trial.threads);
  });
  if (found == group.trials.size()) {
    std::vector<std::string> names;
    for (const PlannedTrial& trial : group.trials) {
      if (trial.unsupported.empty()) {
        names.push_back(trial.settings->backend + "-t" + std::to_string(trial.settings->threads));
      }
    }
    throw InputError(fmt::format("{}found \"{}\", allowed: a backend of the sweep, or one of {}",
                                 experiment.where("measure.baseline"), name, fmt::join(names, ", ")));
  }
  return found;
}

}  // namespace

std::vector<PlannedGroup> plan_experiment(const Experiment& experiment, std::span<const Backend> backends) {
  std::vector<PlannedGroup> groups;
  DatasetCache datasets(experiment);
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
    require_fit(experiment, trial, *dataset);
    group->trials.push_back({&trial, &backend, std::move(unsupported), std::move(dataset)});
  }
  if (!any_supported) {
    throw InputError(experiment.where("sweep.backend") + "no trial of the sweep can run: " + last_reason);
  }
  for (PlannedGroup& group : groups) group.baseline = find_baseline(experiment, group);
  return groups;
}

std::vector<DatasetKeys> dataset_keys() {
  std::vector<DatasetKeys> keys;
  for (const DatasetKind& kind : dataset_kinds()) keys.push_back({kind.name, kind.keys});
  return keys;
}

}  // namespace stepbench
