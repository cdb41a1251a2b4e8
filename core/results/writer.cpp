// ResultFile -> HDF5 image. What a trial did not record has no group; nothing is written empty.
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>

#include "core/error.hpp"
#include "core/hdf5/hdf5.hpp"
#include "core/results/result_file.hpp"
#include "core/results/schema.hpp"

namespace stepbench {
namespace {

using hdf5::Dataset;
using hdf5::Group;
using hdf5::Shape;
using hdf5::Storage;

std::int64_t count_of(const auto& values) { return static_cast<std::int64_t>(values.size()); }

void require(bool holds, const std::string& message) {
  if (!holds) throw Error(message);
}

/// An id names a group: one link, one component of a path.
const std::string& link_name(const std::string& id, const std::string& what) {
  require(!id.empty() && id != "." && id != ".." && id.find('/') == std::string::npos,
          what + " `" + id + "` cannot be a name in an HDF5 file");
  return id;
}

/// For the visits of schema.hpp.
class AttributeWriter {
 public:
  explicit AttributeWriter(Group& group) : group_(group) {}
  void operator()(const schema::Field& field, Status status) const { set(field, to_text(status)); }
  void operator()(const schema::Field& field, FailureCause cause) const { set(field, to_text(cause)); }
  // HDF5's int64 holds the bits of seeds from 2^63 on; the reader turns them back.
  void operator()(const schema::Field& field, std::uint64_t seed) const { set(field, static_cast<std::int64_t>(seed)); }
  void operator()(const schema::Field& field, const auto& value) const { set(field, value); }

 private:
  void set(const schema::Field& field, const auto& value) const { group_.set_attribute(field.name, value); }
  Group& group_;
};

std::vector<std::int64_t> zero_to(std::int64_t count) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

/// A dimension scale named as its dimension.
template <typename T>
Dataset make_scale(Group& group, const std::string& name, const std::vector<T>& values) {
  Dataset scale = [&] {
    if constexpr (std::same_as<T, std::string>)
      return group.create_text_dataset(name, values);
    else
      return group.create_dataset<T>(name, {count_of(values)}, values, "1");
  }();
  scale.make_scale(name);
  return scale;
}

using Scales = std::vector<std::reference_wrapper<const Dataset>>;

/// A data set with one scale per dimension.
template <typename T>
void write_over(Group& group, const Scales& scales, const std::string& name, const std::vector<T>& values,
                const std::string& units) {
  Shape shape;
  for (const Dataset& scale : scales) shape.push_back(scale.shape().front());
  Dataset dataset = [&] {
    if constexpr (std::same_as<T, std::string>)
      return group.create_text_dataset(name, values, units);
    else
      return group.create_dataset<T>(name, shape, values, units);
  }();
  for (unsigned i = 0; i < scales.size(); ++i) dataset.attach_scale(i, scales[i]);
}

const char* units_or(const char* units, const char* loss_units) {
  return units == schema::kLossUnits ? loss_units : units;
}

/// A column holds one kind of loss or none in particular.
const char* common_loss_units(const std::vector<TrialRecord>& trials) {
  for (const TrialRecord& trial : trials)
    if (schema::loss_units(trial) != std::string_view("nat")) return "1";
  return "nat";
}

void write_summary(Group& root, const std::vector<TrialRecord>& trials) {
  if (trials.empty()) return;
  Group group = root.create_group("summary");
  const Dataset trial_scale = make_scale(group, "trial", zero_to(count_of(trials)));
  const auto column = [&](const std::string& name, const std::string& units, auto value_of) {
    std::vector<std::invoke_result_t<decltype(value_of), const TrialRecord&>> values;
    values.reserve(trials.size());
    for (const TrialRecord& trial : trials) values.push_back(value_of(trial));
    write_over(group, {trial_scale}, name, values, units);
  };
  column("id", "1", [](const TrialRecord& t) { return t.id; });
  column("backend", "1", [](const TrialRecord& t) { return t.backend; });
  column("ranks", "1", [](const TrialRecord& t) { return t.ranks; });
  column("threads", "1", [](const TrialRecord& t) { return t.threads; });
  column("seed", "1", [](const TrialRecord& t) { return static_cast<std::int64_t>(t.seed); });
  column("precision", "1", [](const TrialRecord& t) { return text_of(t.settings, "training.precision"); });
  column("batch_size", "1", [](const TrialRecord& t) { return t.batch_size; });
  column("status", "1", [](const TrialRecord& t) { return to_text(t.status); });
  column("parameters", "1", [](const TrialRecord& t) { return t.parameters; });
  column("flops_per_step", "FLOP", [](const TrialRecord& t) { return t.flops_per_step; });
  column("threads_observed", "1", [](const TrialRecord& t) { return t.threads_observed; });
  const char* const loss_units = common_loss_units(trials);
  for (const auto& summary : schema::kSummaryColumns)
    column(summary.name, units_or(summary.units, loss_units),
           [&](const TrialRecord& t) { return t.summary.*summary.member; });
  column("network_bytes", "B", [](const TrialRecord& t) { return t.network_bytes; });
}

void write_steps(Group& trial_group, const TrialRecord& trial) {
  const StepSeries& steps = trial.steps;
  const std::size_t count = steps.train_loss.size();
  require(steps.wall_time.size() == count && steps.phase_time.size() == count && steps.round.size() == count,
          "trial " + trial.id + ": the series of steps differ in length");
  if (count == 0) return;
  Group group = trial_group.create_group("steps");
  const Dataset step = make_scale(group, "step", zero_to(count_of(steps.train_loss)));
  const Dataset phase = make_scale(group, "phase", std::vector<std::string>(kPhaseNames.begin(), kPhaseNames.end()));
  for (const auto& [name, units, member, since] : schema::kStepColumns)
    write_over(group, {step}, name, steps.*member, units_or(units, schema::loss_units(trial)));
  std::vector<double> phase_time;
  phase_time.reserve(count * kPhaseNames.size());
  for (const PhaseTimes& times : steps.phase_time)
    phase_time.insert(phase_time.end(), times.seconds.begin(), times.seconds.end());
  write_over(group, {step, phase}, "phase_time", phase_time, "s");
  write_over(group, {step}, "round", steps.round, "1");
}

void write_epochs(Group& trial_group, const TrialRecord& trial) {
  for (const auto& column : schema::kEpochColumns)
    require((trial.epochs.*column.member).size() == trial.epochs.epoch.size(),
            "trial " + trial.id + ": the series of evaluations differ in length");
  if (trial.epochs.epoch.empty()) return;
  Group group = trial_group.create_group("epochs");
  const Dataset epoch = make_scale(group, "epoch", trial.epochs.epoch);
  for (const auto& [name, units, member, since] : schema::kEpochColumns)
    write_over(group, {epoch}, name, trial.epochs.*member, units_or(units, schema::loss_units(trial)));
  for (const auto& [name, units, member, since] : schema::kGradientColumns) {
    const std::vector<double>& values = trial.epochs.*member;
    if (values.empty()) continue;
    require(values.size() == trial.epochs.epoch.size() && trial.epochs.step.size() == values.size(),
            "trial " + trial.id + ": the moments of its gradients are not as many as its evaluations' steps");
    write_over(group, {epoch}, name, values, units);
  }
  if (trial.epochs.step.empty()) return;
  require(trial.epochs.step.size() == trial.epochs.epoch.size(),
          "trial " + trial.id + ": the steps of its evaluations are not as many as those");
  write_over(group, {epoch}, "step", trial.epochs.step, "1");
}

void write_checks(Group& trial_group, const std::vector<TensorCheck>& checks) {
  if (checks.empty()) return;
  Group group = trial_group.create_group("checks");
  std::vector<std::string> tensors;
  tensors.reserve(checks.size());
  for (const TensorCheck& check : checks) tensors.push_back(check.tensor);
  const Dataset tensor = make_scale(group, "tensor", tensors);
  for (const auto& [name, units, member, since] : schema::kCheckColumns) {
    std::vector<double> values;
    values.reserve(checks.size());
    for (const TensorCheck& check : checks) values.push_back(check.*member);
    write_over(group, {tensor}, name, values, units);
  }
}

void write_scaling(Group& trial_group, const TrialRecord& trial) {
  const ScalingRecord& scaling = trial.scaling;
  require(scaling.predicted_speedup.size() == scaling.cores.size(),
          "trial " + trial.id + ": the series of its scaling differ in length");
  if (scaling.cores.empty()) return;
  Group group = trial_group.create_group("scaling");
  const Dataset cores = make_scale(group, "cores", scaling.cores);
  write_over(group, {cores}, "predicted_speedup", scaling.predicted_speedup, "1");
  schema::visit_scaling(scaling, AttributeWriter(group));
}

void write_study(Group& trial_group, const TrialRecord& trial) {
  const StudyRecord& study = trial.study;
  require(study.samples.size() == study.workers.size() && study.step_time.size() == study.workers.size(),
          "trial " + trial.id + ": the series of its study differ in length");
  if (study.workers.empty()) return;
  Group group = trial_group.create_group("study");
  const Dataset workers = make_scale(group, "workers", study.workers);
  write_over(group, {workers}, "samples", study.samples, "1");
  write_over(group, {workers}, "step_time", study.step_time, "s");
  schema::visit_study(study, AttributeWriter(group));
}

void write_limits(Group& trial_group, const LimitRecord& limits) {
  if (limits.phases.empty()) return;
  Group group = trial_group.create_group("limits");
  std::vector<std::string> phases, verdicts;
  for (const PhaseLimit& phase : limits.phases) {
    phases.push_back(phase.phase);
    verdicts.emplace_back(to_text(phase.limit));
  }
  const Dataset scale = make_scale(group, "phase", phases);
  for (const auto& [name, units, member, since] : schema::kLimitColumns) {
    std::vector<double> values;
    for (const PhaseLimit& phase : limits.phases) values.push_back(phase.*member);
    write_over(group, {scale}, name, values, units);
  }
  write_over(group, {scale}, "limited_by", verdicts, "1");
  schema::visit_limits(limits, AttributeWriter(group));
}

void write_memory(Group& trial_group, const MemoryRecord& memory) {
  if (std::isnan(memory.model.parameters)) return;
  Group group = trial_group.create_group("memory");
  schema::visit_memory(memory, AttributeWriter(group));
}

void write_tensors(Group& parameters, const std::string& which, const std::vector<NamedTensor>& tensors) {
  if (tensors.empty()) return;
  Group group = parameters.create_group(which);
  for (const NamedTensor& tensor : tensors)
    std::visit(
        [&]<typename T>(const std::vector<T>& values) {
          group.create_dataset<T>(link_name(tensor.name, "the tensor"), tensor.shape, values, "1", Storage::contiguous);
        },
        tensor.values);
}

void write_order(Group& trial_group, const TrialRecord& trial) {
  if (trial.order.empty()) return;
  require(trial.order_epochs > 0 && count_of(trial.order) % trial.order_epochs == 0,
          "trial " + trial.id + ": the order of samples is not a whole number of epochs");
  Group group = trial_group.create_group("order");
  const Dataset epoch = make_scale(group, "epoch", zero_to(trial.order_epochs));
  const Dataset sample = make_scale(group, "sample", zero_to(count_of(trial.order) / trial.order_epochs));
  write_over(group, {epoch, sample}, "permutation", trial.order, "1");
}

void write_trial(Group& trials, const TrialRecord& trial) {
  Group group = trials.create_group(link_name(trial.id, "the trial id"));
  const AttributeWriter attributes(group);
  schema::visit_trial(trial, attributes);
  schema::visit_some_trials(trial, [&attributes](const schema::Field& field, const auto& value, const auto& nothing) {
    if (value != nothing) attributes(field, value);
  });
  for (const auto& [key, value] : trial.settings) {
    require(schema::is_setting(key), "trial " + trial.id + ": the setting `" + key + "` has no section");
    group.set_attribute(key, value);
  }
  write_steps(group, trial);
  write_epochs(group, trial);
  write_checks(group, trial.checks);
  write_scaling(group, trial);
  write_study(group, trial);
  write_limits(group, trial.limits);
  write_memory(group, trial.memory);
  if (!trial.initial_parameters.empty() || !trial.final_parameters.empty()) {
    Group parameters = group.create_group("parameters");
    write_tensors(parameters, "initial", trial.initial_parameters);
    write_tensors(parameters, "final", trial.final_parameters);
  }
  write_order(group, trial);
}

void write_shard(Group& root, const ShardRecord& shard) {
  if (shard.is_whole()) return;
  Group group = root.create_group("shard");
  schema::visit_shard(shard, AttributeWriter(group));
  const Dataset trial = make_scale(group, "trial", shard.trials);
  schema::visit_shard_columns(shard, [&](const char* name, const std::vector<std::string>& texts) {
    require(texts.size() == shard.trials.size(), "the series of the shard differ in length");
    write_over(group, {trial}, name, texts, "1");
  });
}

void write_expectations(Group& root, const std::vector<ExpectationRecord>& expectations) {
  if (expectations.empty()) return;
  Group group = root.create_group("expectations");
  const auto values_of = [&expectations](auto value_of) {
    std::vector<std::remove_cvref_t<std::invoke_result_t<decltype(value_of), const ExpectationRecord&>>> values;
    for (const ExpectationRecord& expectation : expectations) values.push_back(std::invoke(value_of, expectation));
    return values;
  };
  const Dataset scale = make_scale(group, "expectation", values_of(&ExpectationRecord::name));
  const auto write = [&](const auto& columns) {
    for (const auto& [name, units, member, since] : columns) write_over(group, {scale}, name, values_of(member), units);
  };
  write(schema::kExpectationTexts);
  write_over(group, {scale}, "verdict",
             values_of([](const ExpectationRecord& record) { return std::string(to_text(record.verdict)); }), "1");
  write(schema::kExpectationNumbers);
  write(schema::kExpectationCounts);
}

void write_environment(Group& group, const KeyValues& environment) {
  for (const auto& [key, value] : environment) group.set_attribute(key, value);
}

/// Each environment is one object: the first is /environment, and all groups that share one link to it.
class EnvironmentLinks {
 public:
  EnvironmentLinks(Group& root, const std::vector<KeyValues>& environments)
      : environments_(environments), objects_(environments.size()) {
    write_environment(objects_.front().emplace(root.create_group(kName)), environments.front());
  }
  void add_to(Group& group, std::size_t place, const std::string& name = kName) {
    std::optional<Group>& object = objects_.at(place);
    if (object) {
      group.link(name, *object);
    } else {
      write_environment(object.emplace(group.create_group(name)), environments_[place]);
    }
  }

 private:
  static constexpr const char* kName = "environment";
  const std::vector<KeyValues>& environments_;
  std::vector<std::optional<Group>> objects_;
};

void write_group(Group& groups, const GroupRecord& record, EnvironmentLinks& environments) {
  Group parent = groups.create_group(link_name(record.id, "the group id"));
  schema::visit_group(record, AttributeWriter(parent));
  environments.add_to(parent, record.environment);
  if (!record.earlier_environments.empty()) {
    Group earlier = parent.create_group("earlier_environments");
    for (std::size_t i = 0; i < record.earlier_environments.size(); ++i) {
      environments.add_to(earlier, record.earlier_environments[i], std::to_string(i));
    }
  }
  if (record.plan.pilot_rounds > 0) {
    Group plan = parent.create_group("plan");
    schema::visit_round_plan(record.plan, AttributeWriter(plan));
  }
  const auto rounds = static_cast<std::size_t>(record.rounds());
  const std::size_t cells = record.trials.size() * rounds;
  if (record.trials.empty() && rounds == 0) return;
  Group group = parent.create_group("rounds");
  std::vector<Dataset> made;
  made.reserve(2);
  if (rounds > 0) made.push_back(make_scale(group, "round", zero_to(record.rounds())));
  if (!record.trials.empty()) made.push_back(make_scale(group, "trial", record.trials));
  const Scales all(made.begin(), made.end());
  const auto write = [&](const Scales& scales, std::size_t size) {
    return [&group, &record, scales, size](const char* name, const char* units, const auto& values) {
      if (values.empty()) return;
      require(values.size() == size, "group " + record.id + ": `" + name + "` is not as long as its scales");
      write_over(group, scales, name, values, units);
    };
  };
  schema::visit_cells(record, write(all, cells));
  schema::visit_rounds(record, write(rounds > 0 ? Scales{made.front()} : Scales{}, rounds));
  schema::visit_rounds_attributes(record, AttributeWriter(group));
}

}  // namespace

void write_result(hdf5::Group& root, const ResultFile& file) {
  root.set_attribute("Conventions", schema::kConventions);
  root.set_attribute("schema_version", ResultFile::kSchemaVersion);
  schema::visit_root(file, AttributeWriter(root));
  write_shard(root, file.shard);
  write_expectations(root, file.expectations);
  EnvironmentLinks environments(root, file.environments);
  write_summary(root, file.trials);
  Group trials = root.create_group("trials");
  for (const TrialRecord& trial : file.trials) write_trial(trials, trial);
  Group groups = root.create_group("groups");
  for (const GroupRecord& group : file.groups) write_group(groups, group, environments);
}

std::vector<std::byte> to_image(const ResultFile& file) {
  const hdf5::File hdf5_file = hdf5::File::create_in_memory();
  {
    Group root = hdf5_file.root();
    write_result(root, file);
  }
  return hdf5_file.image();
}

}  // namespace stepbench
