// Inside core/results only: the tables that the writer and the reader of result files share, so that a field added here
// goes both ways. results/README.md says the same to people.
#pragma once

#include "core/results/trial_record.hpp"

namespace stepbench::schema {

inline constexpr const char* kConventions = "stepbench-1";

/// Stands for the units of a loss, which depend on the kind of loss.
inline constexpr const char* kLossUnits = nullptr;

/// The units of `model.loss`: nats for cross-entropy.
[[nodiscard]] inline const char* loss_units(const TrialRecord& trial) {
  return text_of(trial.settings, "model.loss") == "cross_entropy" ? "nat" : "1";
}

/// A data set whose values are one member of each Record (or one vector of it).
template <typename Record, typename Member>
struct Column {
  const char* name;
  const char* units;
  Member Record::*member;
};

inline constexpr Column<TrialSummary, double> kSummaryColumns[] = {
    {"step_time_median", "s", &TrialSummary::step_time_median},
    {"step_time_mad", "s", &TrialSummary::step_time_mad},
    {"step_time_iqr", "s", &TrialSummary::step_time_iqr},
    {"samples_per_second", "1/s", &TrialSummary::samples_per_second},
    {"tokens_per_second", "1/s", &TrialSummary::tokens_per_second},
    {"gflops", "GFLOP/s", &TrialSummary::gflops},
    {"percent_of_peak", "%", &TrialSummary::percent_of_peak},
    {"final_train_loss", kLossUnits, &TrialSummary::final_train_loss},
    {"best_validation_loss", kLossUnits, &TrialSummary::best_validation_loss},
    {"best_validation_accuracy", "1", &TrialSummary::best_validation_accuracy},
    {"time_to_target", "s", &TrialSummary::time_to_target},
    {"speed_ratio", "1", &TrialSummary::speed_ratio},
    {"speed_ratio_low", "1", &TrialSummary::speed_ratio_low},
    {"speed_ratio_high", "1", &TrialSummary::speed_ratio_high},
    {"noise_floor", "1", &TrialSummary::noise_floor},
    {"disturbed_rounds", "1", &TrialSummary::disturbed_rounds},
};

inline constexpr Column<StepSeries, std::vector<double>> kStepColumns[] = {
    {"train_loss", kLossUnits, &StepSeries::train_loss},
    {"wall_time", "s", &StepSeries::wall_time},
};

inline constexpr Column<EpochSeries, std::vector<double>> kEpochColumns[] = {
    {"train_loss", kLossUnits, &EpochSeries::train_loss},
    {"validation_loss", kLossUnits, &EpochSeries::validation_loss},
    {"validation_accuracy", "1", &EpochSeries::validation_accuracy},
    {"train_time", "s", &EpochSeries::train_time},
};

inline constexpr Column<TensorCheck, double> kCheckColumns[] = {
    {"gradient_error", "1", &TensorCheck::gradient_error},
    {"gradient_max_error", "1", &TensorCheck::gradient_max_error},
    {"gradient_cosine", "1", &TensorCheck::gradient_cosine},
    {"update_error", "1", &TensorCheck::update_error},
};

/// Calls visit(name, units, array) for every (R, M) array of a group's rounds.
template <typename Group, typename Visit>
void visit_cells(Group& group, Visit&& visit) {
  visit("step_time", "s", group.step_time);
  visit("position", "1", group.position);
  visit("block_time", "s", group.block_time);
  visit("cpu_time", "s", group.cpu_time);
  visit("steal_time", "s", group.steal_time);
  visit("run_delay", "s", group.run_delay);
  visit("involuntary_switches", "1", group.involuntary_switches);
  visit("sentinel_time", "s", group.sentinel_time);
  visit("disturbed", "1", group.disturbed);
}

/// The same for every (R) array.
template <typename Group, typename Visit>
void visit_rounds(Group& group, Visit&& visit) {
  visit("peak_gflops", "GFLOP/s", group.peak_gflops);
  visit("gemm_gflops", "GFLOP/s", group.gemm_gflops);
}

/// Calls visit(name, field) for every attribute of a group's rounds.
template <typename Group, typename Visit>
void visit_group(Group& group, Visit&& visit) {
  visit("peak_gflops_after", group.peak_gflops_after);
  visit("gemm_gflops_after", group.gemm_gflops_after);
}

/// Calls visit(name, field) for every attribute of / that every file has.
template <typename File, typename Visit>
void visit_root(File& file, Visit&& visit) {
  visit("experiment", file.experiment);
  visit("description", file.description);
  visit("config_text", file.config_text);
  visit("created", file.created);
  visit("stepbench_version", file.stepbench_version);
  visit("git_commit", file.git_commit);
  visit("git_dirty", file.git_dirty);
  visit("status", file.status);
}

/// Calls visit(name, field) for every attribute of a trial that every trial has. Settings, whose names have a dot,
/// `diverged_at_step`, `cause` and `vocabulary` stand beside them.
template <typename Trial, typename Visit>
void visit_trial(Trial& trial, Visit&& visit) {
  visit("id", trial.id);
  visit("group", trial.group);
  visit("backend", trial.backend);
  visit("threads", trial.threads);
  visit("seed", trial.seed);
  visit("status", trial.status);
  visit("message", trial.message);
  visit("parameter_digest", trial.parameter_digest);
  visit("dataset_digest", trial.dataset_digest);
  visit("same_bits_for_any_threads", trial.same_bits_for_any_threads);
  visit("is_baseline", trial.is_baseline);
  visit("parameters", trial.parameters);
  visit("flops_per_step", trial.flops_per_step);
  visit("threads_observed", trial.threads_observed);
  visit("network_bytes", trial.network_bytes);
}

/// Settings are the attributes of a trial that have a section: `model.kind`.
[[nodiscard]] inline bool is_setting(const std::string& key) { return key.find('.') != std::string::npos; }

}  // namespace stepbench::schema
