// Inside core/results only: the tables that the writer and the reader of result files share, so that a field added here
// goes both ways. A field says since which schema version files have it: those have it, older ones do not, and
// the reader says what stands for it then (fill_older). results/README.md says the same to people.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include "core/results/trial_record.hpp"

namespace stepbench::schema {

inline constexpr const char* kConventions = "stepbench-1";

/// Stands for the units of a loss, which depend on the kind of loss.
inline constexpr const char* kLossUnits = nullptr;

/// The units of `model.loss`: nats for both cross-entropies.
[[nodiscard]] inline const char* loss_units(const TrialRecord& trial) {
  return text_of(trial.settings, "model.loss").ends_with("cross_entropy") ? "nat" : "1";
}

/// A data set whose values are one member of each Record (or one vector of it).
template <typename Record, typename Member>
struct Column {
  const char* name;
  const char* units;
  Member Record::*member;
  std::int64_t since = 1;
};

/// An attribute, or an array of a group's rounds.
struct Field {
  const char* name;
  std::int64_t since = 1;
};

/// Of what was added to the version under way when files of it were there already: a file may lack it.
inline constexpr std::int64_t kOfSomeFiles = ResultFile::kSchemaVersion + 1;

/// Version 1 grew while nobody had files of it but us: those of its first days lack some of its fields.
[[nodiscard]] inline bool must_have(std::int64_t since, std::int64_t version) {
  return version > 1 && since <= version;
}

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
    {"gradient_noise_scale", "1", &TrialSummary::gradient_noise_scale, kOfSomeFiles},
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

/// Of those that measure the noise of their gradients: none, or as many entries as there are evaluations.
inline constexpr Column<EpochSeries, std::vector<double>> kGradientColumns[] = {
    {"gradient_square", "1", &EpochSeries::gradient_square},
    {"gradient_variance", "1", &EpochSeries::gradient_variance},
};

inline constexpr Column<TensorCheck, double> kCheckColumns[] = {
    {"gradient_error", "1", &TensorCheck::gradient_error},
    {"gradient_max_error", "1", &TensorCheck::gradient_max_error},
    {"gradient_cosine", "1", &TensorCheck::gradient_cosine},
    {"update_error", "1", &TensorCheck::update_error},
};

/// Calls visit(field, member) for every attribute of a trial's scaling.
template <typename Scaling, typename Visit>
void visit_scaling(Scaling& scaling, Visit&& visit) {
  visit(Field{"work"}, scaling.work);
  visit(Field{"span"}, scaling.span);
}

/// Calls visit(field, member) for every attribute of a trial's study.
template <typename Study, typename Visit>
void visit_study(Study& study, Visit&& visit) {
  visit(Field{"sample_time"}, study.sample_time);
  visit(Field{"fixed_time"}, study.fixed_time);
  visit(Field{"overlap"}, study.overlap);
}

/// The phases of a trial's limits, beside their names and verdicts.
inline constexpr Column<PhaseLimit, double> kLimitColumns[] = {
    {"flops", "FLOP", &PhaseLimit::flops},          {"bytes", "B", &PhaseLimit::bytes},
    {"seconds", "s", &PhaseLimit::seconds},         {"compute_time", "s", &PhaseLimit::compute_time},
    {"memory_time", "s", &PhaseLimit::memory_time}, {"idle_time", "s", &PhaseLimit::idle_time},
    {"other_time", "s", &PhaseLimit::other_time},
};

/// Calls visit(field, member) for every attribute of a trial's limits.
template <typename Limits, typename Visit>
void visit_limits(Limits& limits, Visit&& visit) {
  visit(Field{"peak_gflops"}, limits.peak_gflops);
  visit(Field{"bandwidth"}, limits.bandwidth);
  visit(Field{"touched_bytes"}, limits.touched_bytes);
  visit(Field{"level"}, limits.level);
  visit(Field{"busy_share"}, limits.busy_share);
  visit(Field{"busy_cores", kOfSomeFiles}, limits.busy_cores);
}

/// The same of its memory.
template <typename Memory, typename Visit>
void visit_memory(Memory& memory, Visit&& visit) {
  visit(Field{"parameters"}, memory.model.parameters);
  visit(Field{"gradients"}, memory.model.gradients);
  visit(Field{"moments"}, memory.model.moments);
  visit(Field{"activations"}, memory.model.activations);
  visit(Field{"copies"}, memory.model.copies);
  visit(Field{"resident_peak"}, memory.resident_peak);
}

/// Of the expectations, beside their names (the scale) and verdicts.
inline constexpr Column<ExpectationRecord, std::string> kExpectationTexts[] = {
    {"claim", "1", &ExpectationRecord::claim},
    {"published", "1", &ExpectationRecord::published},
    {"tolerance", "1", &ExpectationRecord::tolerance},
    {"cell", "1", &ExpectationRecord::cell},
    {"why", "1", &ExpectationRecord::why},
};
inline constexpr Column<ExpectationRecord, double> kExpectationNumbers[] = {
    {"value", "1", &ExpectationRecord::value},
    {"low", "1", &ExpectationRecord::low},
    {"high", "1", &ExpectationRecord::high},
};
inline constexpr Column<ExpectationRecord, std::int64_t> kExpectationCounts[] = {
    {"runs", "1", &ExpectationRecord::runs},
    {"cells", "1", &ExpectationRecord::cells},
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
  visit("segment", "1", group.segment);
  visit("pilot_step_time", "s", group.pilot_step_time);
  visit("cycles", "1", group.cycles);
  visit("instructions", "1", group.instructions);
  visit("cache_misses", "1", group.cache_misses);
  visit("fp_operations", "FLOP", group.fp_operations);
  visit("energy", "J", group.energy);
}

/// The same for every (R) array.
template <typename Group, typename Visit>
void visit_rounds(Group& group, Visit&& visit) {
  visit("peak_gflops", "GFLOP/s", group.peak_gflops);
  visit("gemm_gflops", "GFLOP/s", group.gemm_gflops);
  visit("process", "1", group.process);
}

inline constexpr auto kCells = [](auto& group, auto&& visit) { visit_cells(group, visit); };
inline constexpr auto kRounds = [](auto& group, auto&& visit) { visit_rounds(group, visit); };

/// Calls visit(name, first's array, second's array) for every array of two groups; `arrays`: kCells or kRounds.
template <typename First, typename Second, typename Visit>
void visit_both(First& first, Second& second, auto arrays, Visit&& visit) {
  // Both visits meet the same arrays in the same order; the second one finds the first one's by its name.
  arrays(first, [&](std::string_view name, const char*, auto& own) {
    arrays(second, [&](std::string_view other_name, const char*, auto& other) {
      if constexpr (std::same_as<std::remove_cvref_t<decltype(own)>, std::remove_cvref_t<decltype(other)>>) {
        if (name == other_name) visit(name, own, other);
      }
    });
  });
}

/// Calls visit(field, member) for every attribute of a group's rounds.
template <typename Group, typename Visit>
void visit_rounds_attributes(Group& group, Visit&& visit) {
  visit(Field{"peak_gflops_after"}, group.peak_gflops_after);
  visit(Field{"gemm_gflops_after"}, group.gemm_gflops_after);
}

/// The same for a group. Its environment, since version 2, is an object that groups share.
template <typename Group, typename Visit>
void visit_group(Group& group, Visit&& visit) {
  visit(Field{"measurement", 2}, group.measurement);
}

/// The same for the plan of a group's rounds.
template <typename Plan, typename Visit>
void visit_round_plan(Plan& plan, Visit&& visit) {
  visit(Field{"pilot_rounds"}, plan.pilot_rounds);
  visit(Field{"pilot_steps"}, plan.pilot_steps);
  visit(Field{"planned"}, plan.planned);
  visit(Field{"room"}, plan.room);
  visit(Field{"seeds"}, plan.seeds);
  visit(Field{"steps_needed"}, plan.steps_needed);
  visit(Field{"needed"}, plan.needed);
  visit(Field{"detect"}, plan.detect);
  visit(Field{"power"}, plan.power);
  visit(Field{"noise"}, plan.noise);
  visit(Field{"alike"}, plan.alike);
}

/// Calls visit(field, member) for every attribute of a shard.
template <typename Shard, typename Visit>
void visit_shard(Shard& shard, Visit&& visit) {
  visit(Field{"index"}, shard.index);
  visit(Field{"count"}, shard.count);
}

/// Calls visit(name, texts) for every (M) data set of a shard beside its scale, `trial`.
template <typename Shard, typename Visit>
void visit_shard_columns(Shard& shard, Visit&& visit) {
  visit("group", shard.groups);
  visit("dataset_digest", shard.datasets);
}

/// Calls visit(field, member) for every attribute of / that every file has.
template <typename File, typename Visit>
void visit_root(File& file, Visit&& visit) {
  visit(Field{"experiment"}, file.experiment);
  visit(Field{"description"}, file.description);
  visit(Field{"config_text"}, file.config_text);
  visit(Field{"created"}, file.created);
  visit(Field{"stepbench_version"}, file.stepbench_version);
  visit(Field{"git_commit"}, file.git_commit);
  visit(Field{"git_dirty"}, file.git_dirty);
  visit(Field{"status"}, file.status);
}

/// Calls visit(field, member) for every attribute of a trial that every trial has. Settings, whose names have a dot,
/// what visit_some_trials has, and a peer's, stand beside them.
template <typename Trial, typename Visit>
void visit_trial(Trial& trial, Visit&& visit) {
  visit(Field{"id"}, trial.id);
  visit(Field{"group"}, trial.group);
  visit(Field{"backend"}, trial.backend);
  visit(Field{"threads"}, trial.threads);
  visit(Field{"seed"}, trial.seed);
  visit(Field{"status"}, trial.status);
  visit(Field{"message"}, trial.message);
  visit(Field{"parameter_digest"}, trial.parameter_digest);
  visit(Field{"dataset_digest"}, trial.dataset_digest);
  visit(Field{"same_bits_for_any_threads"}, trial.same_bits_for_any_threads);
  visit(Field{"is_baseline"}, trial.is_baseline);
  visit(Field{"parameters"}, trial.parameters);
  visit(Field{"flops_per_step"}, trial.flops_per_step);
  visit(Field{"threads_observed"}, trial.threads_observed);
  visit(Field{"network_bytes"}, trial.network_bytes);
}

/// Calls visit(field, member, nothing) for those that only trials have where the member is not `nothing`.
template <typename Trial, typename Visit>
void visit_some_trials(Trial& trial, Visit&& visit) {
  visit(Field{"diverged_at_step"}, trial.diverged_at_step, std::int64_t{-1});
  visit(Field{"cause", 2}, trial.cause, FailureCause::none);
  visit(Field{"cpus", 2}, trial.cpus, std::string());
  visit(Field{"ranks", 2}, trial.ranks, std::int64_t{0});
  visit(Field{"library", 2}, trial.library, std::string());
  visit(Field{"setting", 2}, trial.setting, std::string());
  visit(Field{"settings_tried", 2}, trial.settings_tried, std::string());
  visit(Field{"link_latency", 2}, trial.link_latency, 0.0);
  visit(Field{"link_bandwidth", 2}, trial.link_bandwidth, 0.0);
  visit(Field{"gradient_parts", 2}, trial.gradient_parts, std::int64_t{0});
  visit(Field{"vocabulary"}, trial.vocabulary, std::string());
}

/// Settings are the attributes of a trial that have a section: `model.kind`.
[[nodiscard]] inline bool is_setting(const std::string& key) { return key.find('.') != std::string::npos; }

}  // namespace stepbench::schema
