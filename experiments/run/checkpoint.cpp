#include "experiments/run/checkpoint.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "core/hdf5/hdf5.hpp"
#include "core/results/environments.hpp"
#include "core/results/result_file.hpp"

namespace stepbench {
namespace {

constexpr const char* kState = "state";
constexpr const char* kBlocks = "blocks";

/// Calls visit(name, member) for every attribute of a trial's state, and for every flat buffer in canonical order.
template <typename State, typename Visit>
void visit_attributes(State& state, Visit&& visit) {
  visit("train_time", state.train_time);
  visit("loss_sum", state.loss_sum);
  visit("loss_count", state.loss_count);
  visit("gradient_square_sum", state.gradient_square_sum);
  visit("gradient_variance_sum", state.gradient_variance_sum);
  visit("gradient_count", state.gradient_count);
}
template <typename State, typename Visit>
void visit_buffers(State& state, Visit&& visit) {
  visit("parameters", state.parameters);
  visit("first_moment", state.first_moment);
  visit("second_moment", state.second_moment);
}

/// The same of those that few trials have: empty and not stored for the others.
template <typename State, typename Visit>
void visit_optional_buffers(State& state, Visit&& visit) {
  visit("compensation", state.compensation);
  visit("master_weights", state.master_weights);
}

/// In the type that the trial computes in, of which TrialState holds the exact values.
void write_buffer(hdf5::Group& group, const char* name, const std::vector<double>& values, bool is_float32) {
  const hdf5::Shape shape = {std::ssize(values)};
  if (is_float32) {
    std::vector<float> narrow(values.size());
    std::ranges::transform(values, narrow.begin(), [](double value) { return static_cast<float>(value); });
    group.create_dataset<float>(name, shape, narrow, "1", hdf5::Storage::contiguous);
  } else {
    group.create_dataset<double>(name, shape, values, "1", hdf5::Storage::contiguous);
  }
}

void write_state(hdf5::Group& states, const MemberState& member) {
  hdf5::Group group = states.create_group(member.record.id);
  group.set_attribute("peak_gflops", member.peak_gflops);
  const TrialState& state = *member.state;
  visit_attributes(state, [&](const char* name, const auto& value) { group.set_attribute(name, value); });
  group.set_attribute("threads_by_block", state.threads_by_block);
  const bool is_float32 = text_of(member.record.settings, "training.precision") != "float64";
  const auto write = [&](const char* name, const std::vector<double>& values) {
    write_buffer(group, name, values, is_float32);
  };
  visit_buffers(state, write);
  visit_optional_buffers(state, [&](const char* name, const std::vector<double>& values) {
    if (!values.empty()) write(name, values);
  });
}

/// What the record has of it as well is taken from there.
TrialState read_state(const hdf5::Group& group, const TrialRecord& record) {
  TrialState state;
  state.steps = record.steps;
  state.epochs = record.epochs;
  state.order = record.order;
  state.order_epochs = record.order_epochs;
  state.diverged_at_step = record.diverged_at_step;
  state.cpus = record.cpus;
  visit_attributes(state, [&]<typename T>(const char* name, T& value) { value = group.attribute_as<T>(name); });
  state.threads_by_block = group.attribute_as<std::vector<std::int64_t>>("threads_by_block");
  const auto read = [&](const char* name, std::vector<double>& values) {
    values = group.dataset(name).read<double>();
    if (std::ssize(values) != record.parameters) throw Error(group.name() + " has not all of its " + name);
  };
  visit_buffers(state, read);
  visit_optional_buffers(state, [&](const char* name, std::vector<double>& values) {
    if (group.has(name)) read(name, values);
  });
  return state;
}

}  // namespace

std::vector<std::byte> checkpoint_image(const ResultFile& run, const GroupState& state) {
  ResultFile file = run;
  file.status = Status::interrupted;
  file.groups = {state.rounds};
  for (const MemberState& member : state.trials) file.trials.push_back(member.record);
  const hdf5::File hdf5_file = hdf5::File::create_in_memory();
  {
    hdf5::Group root = hdf5_file.root();
    write_result(root, file);
    hdf5::Group states = root.create_group(kState);
    states.set_attribute(kBlocks, state.blocks);
    for (const MemberState& member : state.trials) {
      if (member.state) write_state(states, member);
    }
  }
  return hdf5_file.image();
}

Checkpoint checkpoint_from_image(std::span<const std::byte> image, const std::filesystem::path& name) try {
  const hdf5::File hdf5_file = hdf5::File::open_image(image, name.string());
  const hdf5::Group root = hdf5_file.root();
  Checkpoint checkpoint{.run = read_result(root, name), .state = {}};
  ResultFile& run = checkpoint.run;
  if (!root.has(kState) || run.groups.size() != 1) throw InputError(name.string() + ": is no checkpoint of a group");
  checkpoint.state.rounds = std::move(run.groups.front());
  const hdf5::Group states = root.group(kState);
  checkpoint.state.blocks = states.attribute_as<std::int64_t>(kBlocks);
  for (TrialRecord& record : run.trials) {
    MemberState member;
    if (states.has(record.id)) {
      const hdf5::Group group = states.group(record.id);
      member.state = read_state(group, record);
      member.peak_gflops = group.attribute_as<double>("peak_gflops");
    }
    member.record = std::move(record);
    checkpoint.state.trials.push_back(std::move(member));
  }
  run.trials.clear();
  run.groups.clear();
  return checkpoint;
} catch (const InputError&) {
  throw;
} catch (const Error& error) {
  throw InputError(error.what());
}

void name_earlier_environments(const Checkpoint& before, ResultFile& run, GroupRecord& rounds) {
  std::vector<std::size_t> places = before.state.rounds.earlier_environments;
  places.push_back(before.state.rounds.environment);
  rounds.environment = 0;
  rounds.earlier_environments.clear();
  for (const std::size_t place : places) {
    rounds.earlier_environments.push_back(place_of(run, before.run.environments.at(place)));
  }
}

}  // namespace stepbench
