// HDF5 image -> ResultFile: the writer's steps backwards. Groups that are not there were not recorded.
#include <algorithm>

#include "core/error.hpp"
#include "core/hdf5/hdf5.hpp"
#include "core/results/result_file.hpp"
#include "core/results/schema.hpp"

namespace stepbench {
namespace {

using hdf5::Dataset;
using hdf5::Group;
using hdf5::Shape;

std::size_t extent(const Dataset& dataset, std::size_t dimension) {
  const Shape shape = dataset.shape();
  if (dimension >= shape.size()) throw Error(dataset.name() + " has too few dimensions");
  return static_cast<std::size_t>(shape[dimension]);
}

/// The values of a member that must have as many as its scales say.
template <typename T>
std::vector<T> read_column(const Group& group, const char* name, std::size_t count) {
  const Dataset dataset = group.dataset(name);
  std::vector<T> values = [&] {
    if constexpr (std::same_as<T, std::string>)
      return dataset.read_text();
    else
      return dataset.read<T>();
  }();
  if (values.size() != count) throw Error(dataset.name() + " is not as long as its scales");
  return values;
}

/// All attributes of an object, read once; also for the visits of schema.hpp.
class AttributeReader {
 public:
  AttributeReader(const hdf5::Object& object, std::int64_t version)
      : attributes_(object.attributes()), name_(object.name()), version_(version) {}

  [[nodiscard]] bool has(std::string_view key) const { return find_value(attributes_, key) != nullptr; }
  template <typename T>
  [[nodiscard]] const T& get(std::string_view key) const {
    const hdf5::Attribute* value = find_value(attributes_, key);
    if (value == nullptr) throw Error(name_ + " has no attribute " + std::string(key));
    if (const T* typed = std::get_if<T>(value)) return *typed;
    throw Error("attribute " + std::string(key) + " of " + name_ + " is of another type than expected");
  }
  [[nodiscard]] const hdf5::Attributes& all() const { return attributes_; }

  void operator()(const schema::Field& field, Status& status) const {
    const auto& text = get<std::string>(field.name);
    const std::optional<Status> found = status_from_text(text);
    if (!found) throw Error(name_ + " has the unknown status `" + text + "`");
    status = *found;
  }
  void operator()(const schema::Field& field, FailureCause& cause) const {
    const auto& text = get<std::string>(field.name);
    const std::optional<FailureCause> found = failure_cause_from_text(text);
    if (!found) throw Error(name_ + " has the unknown cause `" + text + "`");
    cause = *found;
  }
  void operator()(const schema::Field& field, std::uint64_t& seed) const {
    seed = static_cast<std::uint64_t>(get<std::int64_t>(field.name));
  }
  /// What a file of this version may lack keeps its default.
  template <typename T>
  void operator()(const schema::Field& field, T& value) const {
    if (field.since > 1 && !schema::must_have(field.since, version_) && !has(field.name)) return;
    value = get<T>(field.name);
  }

 private:
  hdf5::Attributes attributes_;
  std::string name_;
  std::int64_t version_;
};

StepSeries read_steps(const Group& group) {
  StepSeries steps;
  const std::size_t count = extent(group.dataset("step"), 0);
  for (const auto& column : schema::kStepColumns) steps.*column.member = read_column<double>(group, column.name, count);
  if (group.dataset("phase").read_text() != std::vector<std::string>(kPhaseNames.begin(), kPhaseNames.end()))
    throw Error(group.name() + "/phase names other phases than this program knows");
  const std::vector<double> phase_time = read_column<double>(group, "phase_time", count * kPhaseNames.size());
  steps.phase_time.resize(count);
  for (std::size_t i = 0; i < phase_time.size(); ++i)
    steps.phase_time[i / kPhaseNames.size()].seconds[i % kPhaseNames.size()] = phase_time[i];
  steps.round = read_column<std::int64_t>(group, "round", count);
  return steps;
}

EpochSeries read_epochs(const Group& group) {
  EpochSeries epochs;
  epochs.epoch = group.dataset("epoch").read<double>();
  for (const auto& column : schema::kEpochColumns)
    epochs.*column.member = read_column<double>(group, column.name, epochs.epoch.size());
  if (group.has("step")) epochs.step = read_column<std::int64_t>(group, "step", epochs.epoch.size());
  if (!group.has(schema::kGradientColumns[0].name)) return epochs;
  if (epochs.step.empty()) throw Error(group.name() + " has moments of gradients, but no `step`");
  for (const auto& column : schema::kGradientColumns)
    epochs.*column.member = read_column<double>(group, column.name, epochs.epoch.size());
  return epochs;
}

std::vector<TensorCheck> read_checks(const Group& group) {
  const std::vector<std::string> tensors = group.dataset("tensor").read_text();
  std::vector<TensorCheck> checks(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) checks[i].tensor = tensors[i];
  for (const auto& column : schema::kCheckColumns) {
    const std::vector<double> values = read_column<double>(group, column.name, checks.size());
    for (std::size_t i = 0; i < checks.size(); ++i) checks[i].*column.member = values[i];
  }
  return checks;
}

ScalingRecord read_scaling(const Group& group, std::int64_t version) {
  ScalingRecord scaling;
  scaling.cores = group.dataset("cores").read<std::int64_t>();
  scaling.predicted_speedup = read_column<double>(group, "predicted_speedup", scaling.cores.size());
  schema::visit_scaling(scaling, AttributeReader(group, version));
  return scaling;
}

StudyRecord read_study(const Group& group, std::int64_t version) {
  StudyRecord study;
  study.workers = group.dataset("workers").read<std::int64_t>();
  study.samples = read_column<double>(group, "samples", study.workers.size());
  study.step_time = read_column<double>(group, "step_time", study.workers.size());
  schema::visit_study(study, AttributeReader(group, version));
  return study;
}

LimitRecord read_limits(const Group& group, std::int64_t version) {
  LimitRecord limits;
  const std::vector<std::string> phases = group.dataset("phase").read_text();
  const std::vector<std::string> verdicts = read_column<std::string>(group, "limited_by", phases.size());
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const std::optional<Limit> limit = limit_from_text(verdicts[i]);
    if (!limit) throw Error(group.name() + " has the unknown verdict `" + verdicts[i] + "`");
    limits.phases.push_back({.phase = phases[i], .limit = *limit});
  }
  for (const auto& column : schema::kLimitColumns) {
    const std::vector<double> values = read_column<double>(group, column.name, phases.size());
    for (std::size_t i = 0; i < values.size(); ++i) limits.phases[i].*column.member = values[i];
  }
  schema::visit_limits(limits, AttributeReader(group, version));
  return limits;
}

std::vector<NamedTensor> read_tensors(const Group& group) {
  std::vector<NamedTensor> tensors;
  for (const std::string& name : group.members()) {
    const Dataset dataset = group.dataset(name);
    NamedTensor& tensor = tensors.emplace_back(NamedTensor{name, dataset.shape(), {}});
    if (dataset.element_bytes() == sizeof(float))
      tensor.values = dataset.read<float>();
    else
      tensor.values = dataset.read<double>();
  }
  return tensors;
}

TrialRecord read_trial(const Group& group, std::int64_t version, ReadSeries series) {
  TrialRecord trial;
  const AttributeReader attributes(group, version);
  schema::visit_trial(trial, attributes);
  schema::visit_some_trials(trial, [&attributes](const schema::Field& field, auto& value, const auto&) {
    if (attributes.has(field.name)) attributes(field, value);
  });
  for (const auto& [key, value] : attributes.all())
    if (schema::is_setting(key)) trial.settings.emplace_back(key, value);
  if (group.has("checks")) trial.checks = read_checks(group.group("checks"));
  if (group.has("scaling")) trial.scaling = read_scaling(group.group("scaling"), version);
  if (group.has("study")) trial.study = read_study(group.group("study"), version);
  if (group.has("limits")) trial.limits = read_limits(group.group("limits"), version);
  if (group.has("memory")) schema::visit_memory(trial.memory, AttributeReader(group.group("memory"), version));
  if (series == ReadSeries::no) return trial;
  if (group.has("steps")) trial.steps = read_steps(group.group("steps"));
  if (group.has("epochs")) trial.epochs = read_epochs(group.group("epochs"));
  if (group.has("parameters/initial")) trial.initial_parameters = read_tensors(group.group("parameters/initial"));
  if (group.has("parameters/final")) trial.final_parameters = read_tensors(group.group("parameters/final"));
  if (group.has("order")) {
    const Dataset permutation = group.dataset("order/permutation");
    trial.order = permutation.read<std::int64_t>();
    trial.order_epochs = static_cast<std::int64_t>(extent(permutation, 0));
  }
  return trial;
}

/// What only /summary holds, into the trials, which stand in its order.
void read_summary(const Group& group, std::int64_t version, std::vector<TrialRecord>& trials) {
  const std::vector<std::string> ids = read_column<std::string>(group, "id", trials.size());
  for (std::size_t i = 0; i < trials.size(); ++i)
    if (ids[i] != trials[i].id) throw Error(group.name() + " lists the trials in another order than /trials");
  const std::vector<std::int64_t> batches = read_column<std::int64_t>(group, "batch_size", trials.size());
  for (std::size_t i = 0; i < trials.size(); ++i) trials[i].batch_size = batches[i];
  for (const auto& column : schema::kSummaryColumns) {
    if (!schema::must_have(column.since, version) && !group.has(column.name)) continue;
    const std::vector<double> values = read_column<double>(group, column.name, trials.size());
    for (std::size_t i = 0; i < trials.size(); ++i) trials[i].summary.*column.member = values[i];
  }
}

ShardRecord read_shard(const Group& group, std::int64_t version) {
  ShardRecord shard;
  schema::visit_shard(shard, AttributeReader(group, version));
  if (shard.index < 1 || shard.index > shard.count) throw Error(group.name() + " has no such index");
  shard.trials = group.dataset("trial").read_text();
  schema::visit_shard_columns(shard, [&](const char* name, std::vector<std::string>& texts) {
    texts = read_column<std::string>(group, name, shard.trials.size());
  });
  return shard;
}

std::vector<ExpectationRecord> read_expectations(const Group& group) {
  const std::vector<std::string> names = group.dataset("expectation").read_text();
  std::vector<ExpectationRecord> expectations(names.size());
  const auto read = [&]<typename T>(const schema::Column<ExpectationRecord, T>& column) {
    const std::vector<T> values = read_column<T>(group, column.name, names.size());
    for (std::size_t i = 0; i < names.size(); ++i) expectations[i].*column.member = values[i];
  };
  for (const auto& column : schema::kExpectationTexts) read(column);
  for (const auto& column : schema::kExpectationNumbers) read(column);
  for (const auto& column : schema::kExpectationCounts) read(column);
  const std::vector<std::string> verdicts = read_column<std::string>(group, "verdict", names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::optional<ExpectationVerdict> verdict = expectation_verdict_from_text(verdicts[i]);
    if (!verdict) throw Error(group.name() + " has the unknown verdict `" + verdicts[i] + "`");
    expectations[i].name = names[i];
    expectations[i].verdict = *verdict;
  }
  return expectations;
}

/// The environments of a file, each object once.
class EnvironmentReader {
 public:
  EnvironmentReader(const Group& root, std::vector<KeyValues>& environments) : environments_(environments) {
    environments_.clear();
    read(root.group("environment"));
  }
  /// Its place. A file from before groups had one names one machine for all.
  std::size_t of(const Group& group, const std::string& name = "environment") {
    if (!group.has(name)) return 0;
    const Group environment = group.group(name);
    const auto found = std::ranges::find(addresses_, environment.address());
    if (found == addresses_.end()) return read(environment);
    return static_cast<std::size_t>(found - addresses_.begin());
  }

 private:
  std::size_t read(const Group& environment) {
    addresses_.push_back(environment.address());
    environments_.push_back(environment.attributes());
    return environments_.size() - 1;
  }

  std::vector<KeyValues>& environments_;
  std::vector<std::uint64_t> addresses_;  // in the file
};

GroupRecord read_group(const Group& group, const std::string& id, std::int64_t version,
                       EnvironmentReader& environments) {
  GroupRecord record;
  record.id = id;
  record.environment = environments.of(group);
  if (group.has("earlier_environments")) {
    const Group earlier = group.group("earlier_environments");
    for (const std::string& segment : earlier.members()) {
      record.earlier_environments.push_back(environments.of(earlier, segment));
    }
  }
  schema::visit_group(record, AttributeReader(group, version));
  if (group.has("plan")) schema::visit_round_plan(record.plan, AttributeReader(group.group("plan"), version));
  if (!group.has("rounds")) return record;
  const Group rounds = group.group("rounds");
  if (rounds.has("trial")) record.trials = rounds.dataset("trial").read_text();
  if (!rounds.has("round")) return record;
  const std::size_t count = extent(rounds.dataset("round"), 0);
  const auto read = [&rounds](std::size_t size) {
    return [&rounds, size]<typename T>(const char* name, const char*, std::vector<T>& values) {
      if (rounds.has(name)) values = read_column<T>(rounds, name, size);
    };
  };
  schema::visit_rounds(record, read(count));
  schema::visit_cells(record, read(count * record.trials.size()));
  if (record.rounds() != static_cast<std::int64_t>(count)) throw Error(rounds.name() + " has no peak_gflops");
  schema::visit_rounds_attributes(record, [&](const schema::Field& field, double& value) {
    if (rounds.has_attribute(field.name)) value = rounds.attribute_as<double>(field.name);
  });
  return record;
}

/// Of a file that this program reads.
std::int64_t schema_version(const Group& root, const std::string& name) {
  if (!root.has_attribute("Conventions") || !root.has_attribute("schema_version") ||
      root.attribute("Conventions") != hdf5::Attribute(std::string(schema::kConventions)))
    throw InputError(name + ": this HDF5 file is not a stepbench result file");
  const auto version = root.attribute_as<std::int64_t>("schema_version");
  if (version < 1 || version > ResultFile::kSchemaVersion)
    throw InputError(name + ": has schema version " + std::to_string(version) +
                     ", this stepbench reads versions 1 to " + std::to_string(ResultFile::kSchemaVersion));
  return version;
}

/// What a file of an older version says in another way, or by what it lacks. Fields that it lacks and that nothing else
/// tells keep their defaults: the first environment of the file for every group, no name of a measurement.
void fill_older(ResultFile& file, std::int64_t version) {
  if (version >= 2) return;
  for (TrialRecord& trial : file.trials) {
    if (trial.status != Status::failed) continue;
    trial.cause = trial.message.starts_with("gate: ") ? FailureCause::gate : FailureCause::error;
  }
}

}  // namespace

ResultFile read_result(const hdf5::Group& root, const std::filesystem::path& name, ReadSeries series) {
  const std::int64_t version = schema_version(root, name.string());
  ResultFile file;
  schema::visit_root(file, AttributeReader(root, version));
  if (root.has("shard")) file.shard = read_shard(root.group("shard"), version);
  if (root.has("expectations")) file.expectations = read_expectations(root.group("expectations"));
  EnvironmentReader environments(root, file.environments);
  const Group trials = root.group("trials");
  for (const std::string& id : trials.members()) file.trials.push_back(read_trial(trials.group(id), version, series));
  if (!file.trials.empty()) read_summary(root.group("summary"), version, file.trials);
  const Group groups = root.group("groups");
  for (const std::string& id : groups.members())
    file.groups.push_back(read_group(groups.group(id), id, version, environments));
  fill_older(file, version);
  return file;
}

ResultFile from_image(std::span<const std::byte> image, const std::filesystem::path& name, ReadSeries series) try {
  return read_result(hdf5::File::open_image(image, name.string()).root(), name, series);
} catch (const InputError&) {
  throw;
} catch (const Error& error) {
  throw InputError(error.what());
}

ResultFile read_result_file(const std::filesystem::path& path, ReadSeries series) {
  return from_image(read_published(path), path, series);
}

}  // namespace stepbench
