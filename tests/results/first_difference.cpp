#include "tests/results/first_difference.hpp"

#include <cmath>
#include <concepts>
#include <utility>
#include <variant>
#include <vector>

namespace stepbench::testing {
namespace {

/// Compares and remembers the first difference, with the path to it.
class Comparison {
 public:
  std::string difference;

  void field(const std::string& path, double left, double right) {
    note(path, left == right || (std::isnan(left) && std::isnan(right)));
  }
  void field(const std::string& path, const Value& left, const Value& right) {
    note(path, left.index() == right.index());
    if (const auto* real = std::get_if<double>(&left); real != nullptr && difference.empty())
      field(path, *real, std::get<double>(right));
    else
      note(path, left == right);
  }
  template <typename T>
  void field(const std::string& path, const std::vector<T>& left, const std::vector<T>& right) {
    note(path + ".size", left.size() == right.size());
    for (std::size_t i = 0; i < left.size() && difference.empty(); ++i)
      field(path + "[" + std::to_string(i) + "]", left[i], right[i]);
  }
  template <typename T>
  requires std::equality_comparable<T> &&
      (!std::floating_point<T>)void field(const std::string& path, const T& left, const T& right) {
    note(path, left == right);
  }
  void field(const std::string& path, const PhaseTimes& left, const PhaseTimes& right) {
    for (std::size_t p = 0; p < left.seconds.size(); ++p) field(path + ".seconds", left.seconds[p], right.seconds[p]);
  }
  void field(const std::string& path, const std::pair<std::string, Value>& left,
             const std::pair<std::string, Value>& right) {
    note(path + ".key", left.first == right.first);
    field(path + "=" + left.first, left.second, right.second);
  }
  void field(const std::string& path, const TensorCheck& left, const TensorCheck& right);
  void field(const std::string& path, const PhaseLimit& left, const PhaseLimit& right);
  void field(const std::string& path, const ExpectationRecord& left, const ExpectationRecord& right);
  void field(const std::string& path, const NamedTensor& left, const NamedTensor& right);
  void field(const std::string& path, const TrialRecord& left, const TrialRecord& right);
  void field(const std::string& path, const GroupRecord& left, const GroupRecord& right);

 private:
  void note(const std::string& path, bool equal) {
    if (!equal && difference.empty()) difference = path;
  }
};

#define STEPBENCH_COMPARE(member) field(path + "." #member, left.member, right.member)

void Comparison::field(const std::string& path, const TensorCheck& left, const TensorCheck& right) {
  STEPBENCH_COMPARE(tensor);
  STEPBENCH_COMPARE(gradient_error);
  STEPBENCH_COMPARE(gradient_max_error);
  STEPBENCH_COMPARE(gradient_cosine);
  STEPBENCH_COMPARE(update_error);
}

void Comparison::field(const std::string& path, const PhaseLimit& left, const PhaseLimit& right) {
  STEPBENCH_COMPARE(phase);
  STEPBENCH_COMPARE(flops);
  STEPBENCH_COMPARE(bytes);
  STEPBENCH_COMPARE(seconds);
  STEPBENCH_COMPARE(compute_time);
  STEPBENCH_COMPARE(memory_time);
  STEPBENCH_COMPARE(idle_time);
  STEPBENCH_COMPARE(other_time);
  STEPBENCH_COMPARE(limit);
}

void Comparison::field(const std::string& path, const ExpectationRecord& left, const ExpectationRecord& right) {
  STEPBENCH_COMPARE(name);
  STEPBENCH_COMPARE(claim);
  STEPBENCH_COMPARE(published);
  STEPBENCH_COMPARE(tolerance);
  STEPBENCH_COMPARE(verdict);
  STEPBENCH_COMPARE(value);
  STEPBENCH_COMPARE(low);
  STEPBENCH_COMPARE(high);
  STEPBENCH_COMPARE(runs);
  STEPBENCH_COMPARE(cells);
  STEPBENCH_COMPARE(cell);
  STEPBENCH_COMPARE(why);
}

void Comparison::field(const std::string& path, const NamedTensor& left, const NamedTensor& right) {
  STEPBENCH_COMPARE(name);
  STEPBENCH_COMPARE(shape);
  note(path + ".values", left.values.index() == right.values.index());
  if (!difference.empty()) return;
  std::visit(
      [&]<typename T>(const std::vector<T>& values) {
        const auto& others = std::get<std::vector<T>>(right.values);
        field(path + ".values", std::vector<double>(values.begin(), values.end()),
              std::vector<double>(others.begin(), others.end()));
      },
      left.values);
}

void Comparison::field(const std::string& path, const TrialRecord& left, const TrialRecord& right) {
  STEPBENCH_COMPARE(id);
  STEPBENCH_COMPARE(group);
  STEPBENCH_COMPARE(backend);
  STEPBENCH_COMPARE(ranks);
  STEPBENCH_COMPARE(threads);
  STEPBENCH_COMPARE(seed);
  STEPBENCH_COMPARE(settings);
  STEPBENCH_COMPARE(status);
  STEPBENCH_COMPARE(cause);
  STEPBENCH_COMPARE(message);
  STEPBENCH_COMPARE(diverged_at_step);
  STEPBENCH_COMPARE(parameter_digest);
  STEPBENCH_COMPARE(dataset_digest);
  STEPBENCH_COMPARE(vocabulary);
  STEPBENCH_COMPARE(same_bits_for_any_threads);
  STEPBENCH_COMPARE(is_baseline);
  STEPBENCH_COMPARE(parameters);
  STEPBENCH_COMPARE(batch_size);
  STEPBENCH_COMPARE(flops_per_step);
  STEPBENCH_COMPARE(cpus);
  STEPBENCH_COMPARE(threads_observed);
  STEPBENCH_COMPARE(network_bytes);
  STEPBENCH_COMPARE(steps.train_loss);
  STEPBENCH_COMPARE(steps.wall_time);
  STEPBENCH_COMPARE(steps.phase_time);
  STEPBENCH_COMPARE(steps.round);
  STEPBENCH_COMPARE(epochs.epoch);
  STEPBENCH_COMPARE(epochs.train_loss);
  STEPBENCH_COMPARE(epochs.validation_loss);
  STEPBENCH_COMPARE(epochs.validation_accuracy);
  STEPBENCH_COMPARE(epochs.train_time);
  STEPBENCH_COMPARE(epochs.step);
  STEPBENCH_COMPARE(epochs.gradient_square);
  STEPBENCH_COMPARE(epochs.gradient_variance);
  STEPBENCH_COMPARE(checks);
  STEPBENCH_COMPARE(scaling.cores);
  STEPBENCH_COMPARE(scaling.predicted_speedup);
  STEPBENCH_COMPARE(scaling.work);
  STEPBENCH_COMPARE(scaling.span);
  STEPBENCH_COMPARE(study.workers);
  STEPBENCH_COMPARE(study.samples);
  STEPBENCH_COMPARE(study.step_time);
  STEPBENCH_COMPARE(study.sample_time);
  STEPBENCH_COMPARE(study.fixed_time);
  STEPBENCH_COMPARE(study.overlap);
  STEPBENCH_COMPARE(library);
  STEPBENCH_COMPARE(setting);
  STEPBENCH_COMPARE(settings_tried);
  STEPBENCH_COMPARE(link_latency);
  STEPBENCH_COMPARE(link_bandwidth);
  STEPBENCH_COMPARE(gradient_parts);
  STEPBENCH_COMPARE(limits.phases);
  STEPBENCH_COMPARE(limits.peak_gflops);
  STEPBENCH_COMPARE(limits.bandwidth);
  STEPBENCH_COMPARE(limits.touched_bytes);
  STEPBENCH_COMPARE(limits.level);
  STEPBENCH_COMPARE(limits.busy_share);
  STEPBENCH_COMPARE(limits.busy_cores);
  STEPBENCH_COMPARE(memory.model.parameters);
  STEPBENCH_COMPARE(memory.model.gradients);
  STEPBENCH_COMPARE(memory.model.moments);
  STEPBENCH_COMPARE(memory.model.activations);
  STEPBENCH_COMPARE(memory.model.copies);
  STEPBENCH_COMPARE(memory.resident_peak);
  STEPBENCH_COMPARE(initial_parameters);
  STEPBENCH_COMPARE(final_parameters);
  STEPBENCH_COMPARE(order);
  STEPBENCH_COMPARE(order_epochs);
  STEPBENCH_COMPARE(summary.step_time_median);
  STEPBENCH_COMPARE(summary.step_time_mad);
  STEPBENCH_COMPARE(summary.step_time_iqr);
  STEPBENCH_COMPARE(summary.samples_per_second);
  STEPBENCH_COMPARE(summary.tokens_per_second);
  STEPBENCH_COMPARE(summary.gflops);
  STEPBENCH_COMPARE(summary.percent_of_peak);
  STEPBENCH_COMPARE(summary.final_train_loss);
  STEPBENCH_COMPARE(summary.best_validation_loss);
  STEPBENCH_COMPARE(summary.best_validation_accuracy);
  STEPBENCH_COMPARE(summary.gradient_noise_scale);
  STEPBENCH_COMPARE(summary.time_to_target);
  STEPBENCH_COMPARE(summary.speed_ratio);
  STEPBENCH_COMPARE(summary.speed_ratio_low);
  STEPBENCH_COMPARE(summary.speed_ratio_high);
  STEPBENCH_COMPARE(summary.noise_floor);
  STEPBENCH_COMPARE(summary.disturbed_rounds);
}

void Comparison::field(const std::string& path, const GroupRecord& left, const GroupRecord& right) {
  STEPBENCH_COMPARE(id);
  STEPBENCH_COMPARE(environment);
  STEPBENCH_COMPARE(measurement);
  STEPBENCH_COMPARE(trials);
  STEPBENCH_COMPARE(step_time);
  STEPBENCH_COMPARE(pilot_step_time);
  STEPBENCH_COMPARE(plan.pilot_rounds);
  STEPBENCH_COMPARE(plan.pilot_steps);
  STEPBENCH_COMPARE(plan.planned);
  STEPBENCH_COMPARE(plan.room);
  STEPBENCH_COMPARE(plan.seeds);
  STEPBENCH_COMPARE(plan.steps_needed);
  STEPBENCH_COMPARE(plan.needed);
  STEPBENCH_COMPARE(plan.detect);
  STEPBENCH_COMPARE(plan.power);
  STEPBENCH_COMPARE(plan.noise);
  STEPBENCH_COMPARE(plan.alike);
  STEPBENCH_COMPARE(position);
  STEPBENCH_COMPARE(block_time);
  STEPBENCH_COMPARE(cpu_time);
  STEPBENCH_COMPARE(steal_time);
  STEPBENCH_COMPARE(run_delay);
  STEPBENCH_COMPARE(involuntary_switches);
  STEPBENCH_COMPARE(sentinel_time);
  STEPBENCH_COMPARE(disturbed);
  STEPBENCH_COMPARE(segment);
  STEPBENCH_COMPARE(process);
  STEPBENCH_COMPARE(cycles);
  STEPBENCH_COMPARE(instructions);
  STEPBENCH_COMPARE(cache_misses);
  STEPBENCH_COMPARE(fp_operations);
  STEPBENCH_COMPARE(energy);
  STEPBENCH_COMPARE(earlier_environments);
  STEPBENCH_COMPARE(peak_gflops);
  STEPBENCH_COMPARE(gemm_gflops);
  STEPBENCH_COMPARE(peak_gflops_after);
  STEPBENCH_COMPARE(gemm_gflops_after);
}

void compare_files(Comparison& comparison, const ResultFile& left, const ResultFile& right) {
  const std::string path = "file";
  const auto field = [&](const std::string& name, const auto& a, const auto& b) { comparison.field(name, a, b); };
  STEPBENCH_COMPARE(experiment);
  STEPBENCH_COMPARE(description);
  STEPBENCH_COMPARE(config_text);
  STEPBENCH_COMPARE(created);
  STEPBENCH_COMPARE(stepbench_version);
  STEPBENCH_COMPARE(git_commit);
  STEPBENCH_COMPARE(git_dirty);
  STEPBENCH_COMPARE(status);
  STEPBENCH_COMPARE(shard.index);
  STEPBENCH_COMPARE(shard.count);
  STEPBENCH_COMPARE(shard.trials);
  STEPBENCH_COMPARE(shard.groups);
  STEPBENCH_COMPARE(shard.datasets);
  STEPBENCH_COMPARE(environments);
  STEPBENCH_COMPARE(trials);
  STEPBENCH_COMPARE(groups);
  STEPBENCH_COMPARE(expectations);
}

#undef STEPBENCH_COMPARE

}  // namespace

std::string first_difference(const ResultFile& left, const ResultFile& right) {
  Comparison comparison;
  compare_files(comparison, left, right);
  return comparison.difference;
}

}  // namespace stepbench::testing
